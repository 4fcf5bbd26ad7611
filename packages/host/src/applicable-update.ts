// What this package needs of an update, and the contradictions in a manifest that must never reach the kernel.

import { InputError } from '@resplice/report';
import { CORE_NAME, type CodeSite, type Manifest, type ReplacedFunction } from '@resplice/update';

import { symbolKey } from './kernel/kallsyms.js';

/** Every module of ours is called so, which is how our live patches are told from others' without any record. */
export const MODULE_PREFIX = 'resplice_';

/** An update whose archive was read and verified by the caller. */
export interface ApplicableUpdate {
  readonly manifest: Manifest;
  /** Contents of `manifest.module.file`. */
  readonly module: Uint8Array;
  /** Contents of the trampoline engine's core, when the update is for that engine. */
  readonly core?: Uint8Array | undefined;
  /** The whole .splice file, kept on the machine for `show`. */
  readonly archive: Uint8Array;
}

/** A function of the manifest together with the object it belongs to. */
export interface TargetFunction {
  readonly object: string;
  readonly name: string;
  readonly position: number;
  /** Link-time address; undefined in a module. */
  readonly address: bigint | undefined;
  readonly code: Uint8Array;
  readonly sites: readonly CodeSite[];
  /** Where it is when that is in the code of an update below: then no symbol names it, and `object` is that update's module. */
  readonly place?: { readonly module: string; readonly offset: number };
}

/** Names one target among all of an update. */
export function targetKey(target: TargetFunction): string {
  const { place } = target;
  return place === undefined ? symbolKey(target) : `${place.module}+${place.offset}`;
}

export function moduleNameOf(id: string): string {
  return `${MODULE_PREFIX}${id}`;
}

/** Undefined for a module that is not an update of ours. */
export function findUpdateId(module: string): string | undefined {
  if (module === CORE_NAME) return undefined;
  return module.startsWith(MODULE_PREFIX) ? module.slice(MODULE_PREFIX.length) : undefined;
}

/** Modules that the update changes or uses, and the build of each that it was made for. */
export function listModuleBuilds({ objects, trampoline }: Manifest): ReadonlyMap<string, string> {
  return new Map([
    ...(trampoline?.imports ?? []).flatMap(({ object, buildId }) =>
      buildId === undefined ? [] : [[object, buildId] as const],
    ),
    ...objects.flatMap(({ name, buildId }) => (buildId === null ? [] : [[name, buildId] as const])),
  ]);
}

/** All functions of the update. Throws InputError `manifest-contradicts-itself`. */
export function listTargets(manifest: Manifest): readonly TargetFunction[] {
  if (manifest.module.name !== moduleNameOf(manifest.id)) {
    throw contradiction(
      `its module is called ${manifest.module.name} instead of ${moduleNameOf(manifest.id)}`,
    );
  }
  return manifest.objects.flatMap((object) =>
    object.functions.map((each) => {
      const code = new Uint8Array(Buffer.from(each.code, 'base64'));
      const target = {
        object: object.name,
        name: each.name,
        position: each.position,
        code,
        sites: each.sites,
      };
      const address = each.address === null ? undefined : BigInt(each.address);
      assertTarget({ ...target, address }, each.size);
      return findBelow(each) ?? { ...target, address };
    }),
  );
}

/** The code that is active before, when an update below carries it. */
function findBelow({ jump, replacement }: ReplacedFunction): TargetFunction | undefined {
  if (jump === null || jump.below === null) return undefined;
  const { update, at, code, sites } = jump.below;
  const module = moduleNameOf(update);
  return {
    object: module,
    name: replacement,
    position: 0,
    address: undefined,
    code: new Uint8Array(Buffer.from(code, 'base64')),
    sites,
    place: { module, offset: at },
  };
}

function assertTarget(target: TargetFunction, size: number): void {
  const name = `${target.object}: ${target.name}`;
  if (target.code.length !== size) {
    throw contradiction(`${name}: expected ${size} bytes of code, got ${target.code.length}`);
  }
  if ((target.object === 'vmlinux') !== (target.address !== undefined)) {
    throw contradiction(`${name}: an address belongs to functions of vmlinux, and only to them`);
  }
  const outside = target.sites.find((site) => site.at + site.length > size);
  if (outside !== undefined) {
    throw contradiction(
      `${name}: the ${outside.kind} site at 0x${outside.at.toString(16)} lies outside of the code`,
    );
  }
}

function contradiction(what: string): InputError {
  return new InputError(
    'manifest-contradicts-itself',
    `manifest: ${what}; the update was not made properly, create it again`,
  );
}
