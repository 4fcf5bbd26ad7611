// What the engine's core is told of an update: where each change goes, in addresses of the running kernel, or, for what belongs to a
// module, in symbols that the core looks up whenever that module is there.

import {
  type CoreObject,
  type CorePlace,
  type CorePreparation,
  type CoreSite,
  type CoreSymbol,
  endbrLength,
  type Fixup,
} from '@resplice/engine';
import { InternalError } from '@resplice/report';
import type { Manifest, ReplacedFunction } from '@resplice/update';
import { listModuleBuilds, listTargets, type TargetFunction, targetKey } from '../applicable-update.js';
import { maskCode, placeCode } from '../check/code-comparison.js';
import type { Located } from './refusal.js';

const POINTER_SIZE = 8;

/** What is known of the running kernel when the update's module is loaded. */
export interface Surroundings {
  /** By `targetKey`. */
  readonly addresses: ReadonlyMap<string, bigint>;
  /** How far the kernel was moved at boot. */
  readonly slide: bigint;
  /** Address of a section of the update's module. */
  readonly sectionAddress: (name: string) => bigint;
  /** Contents of the update's `.text`. */
  readonly newCode: Uint8Array;
  /** Fields of the update that wait for modules. */
  readonly fixups: readonly Fixup[];
}

export interface Preparation {
  readonly core: CorePreparation;
  /** The old functions, in the order of the sites. */
  readonly located: readonly Located[];
}

export function prepareUpdate(manifest: Manifest, surroundings: Surroundings): Preparation {
  const modules = new ModuleTable(listModuleBuilds(manifest));
  const text = surroundings.sectionAddress('.text');
  const functions = manifest.objects.flatMap((object) => object.functions);
  const targets = listTargets(manifest);
  const sites = targets.flatMap((target, index): readonly CoreSite[] => {
    const replaced = functions[index];
    if (replaced?.jump == null) return [];
    const old = findPlace(target, surroundings, modules);
    return [describeSite(target, replaced, replaced.jump, { old, text, surroundings })];
  });
  const hooks = (manifest.trampoline?.hooks ?? []).map(({ kind, at, object }) => ({
    kind,
    address: text + BigInt(at),
    object: object === 'vmlinux' ? undefined : modules.changed(object),
  }));
  const data = manifest.objects.flatMap((object) =>
    object.data.map(({ name, position, address, before, after }) => ({
      place:
        address === null
          ? { symbol: modules.symbol(modules.changed(object.name), name, position) }
          : { address: BigInt(address) + surroundings.slide },
      before: new Uint8Array(Buffer.from(before, 'base64')),
      after: new Uint8Array(Buffer.from(after, 'base64')),
    })),
  );
  const pointers = manifest.objects.flatMap((object) =>
    (object.pointers ?? []).map(({ name, position, at, content }) => ({
      place: { symbol: modules.symbol(modules.changed(object.name), name, position) },
      from: at,
      size: POINTER_SIZE,
      content: surroundings.sectionAddress('.data') + BigInt(content),
    })),
  );
  const fixups = describeFixups(manifest, surroundings, modules);
  const { objects, symbols } = modules;
  const below = targets.flatMap(({ place }) => place?.module ?? []);
  return {
    core: {
      sites,
      data: [...data, ...pointers],
      hooks,
      uses: [...new Set(below)].sort(),
      objects,
      symbols,
      fixups,
    },
    located: targets.map((target) => ({
      target,
      address: surroundings.addresses.get(targetKey(target)),
      size: target.code.length,
    })),
  };
}

/** Imports that are filled in whenever their module is there. */
export function listWaitingImports(manifest: Manifest) {
  return (manifest.trampoline?.imports ?? []).filter(({ applyWith }) => applyWith !== 'vmlinux');
}

function findPlace(target: TargetFunction, { addresses }: Surroundings, modules: ModuleTable): CorePlace {
  const { place, object, name, position } = target;
  if (place === undefined && object !== 'vmlinux')
    return { symbol: modules.symbol(modules.changed(object), name, position) };
  const address = addresses.get(targetKey(target));
  if (address !== undefined) return { address };
  throw new InternalError(
    'function-not-located',
    `${object}: ${name}: the checks found it, and now it is gone`,
  );
}

/** The jump leads behind the ENDBR of the new function, which only indirect calls need. */
function describeSite(
  target: TargetFunction,
  replaced: ReplacedFunction,
  jump: NonNullable<ReplacedFunction['jump']>,
  { old, text, surroundings }: { old: CorePlace; text: bigint; surroundings: Surroundings },
): CoreSite {
  const { newCode, slide } = surroundings;
  const moved = target.object === 'vmlinux' ? slide : undefined;
  const newStart = text + BigInt(jump.to);
  return {
    old,
    code: placeCode(target, moved),
    mask: maskCode(target, moved),
    jumpOffset: jump.at,
    target: newStart + BigInt(endbrLength(newCode.subarray(jump.to))),
    newStart,
    newSize: replaced.newSize,
    coexists: replaced.coexists,
  };
}

function describeFixups(
  manifest: Manifest,
  { fixups, sectionAddress }: Surroundings,
  modules: ModuleTable,
): CorePreparation['fixups'] {
  const symbols = new Map(
    listWaitingImports(manifest).map(({ symbol, object, name, position, applyWith }) => {
      const user = modules.changed(applyWith);
      const owner = object === applyWith ? user : modules.used(object, user);
      return [symbol, modules.symbol(owner, name, position)] as const;
    }),
  );
  return fixups.flatMap(({ section, offset, type, symbol, addend }) => {
    const index = symbols.get(symbol);
    if (index === undefined) return [];
    return [{ place: sectionAddress(section) + BigInt(offset), type, addend, symbol: index }];
  });
}

/** Modules and symbols of them, each once. */
class ModuleTable {
  readonly objects: CoreObject[] = [];
  readonly symbols: CoreSymbol[] = [];
  readonly #indexes = new Map<string, number>();
  readonly #builds: ReadonlyMap<string, string>;

  constructor(builds: ReadonlyMap<string, string>) {
    this.#builds = builds;
  }

  /** A module that the update changes. */
  changed(name: string): number {
    return this.#once(`object ${name}`, this.objects, this.#describe(name, this.objects.length));
  }

  /** A module that the new code of a changed one uses. */
  used(name: string, user: number): number {
    return this.#once(`object ${name} of ${user}`, this.objects, this.#describe(name, user));
  }

  symbol(object: number, name: string, position: number): number {
    const key = `symbol ${object} ${name} ${position}`;
    return this.#once(key, this.symbols, { object, name, position });
  }

  #describe(name: string, user: number): CoreObject {
    const buildId = this.#builds.get(name);
    return { name, user, buildId: buildId === undefined ? undefined : Buffer.from(buildId, 'hex') };
  }

  #once<T>(key: string, list: T[], entry: T): number {
    const known = this.#indexes.get(key);
    if (known !== undefined) return known;
    this.#indexes.set(key, list.length);
    return list.push(entry) - 1;
  }
}
