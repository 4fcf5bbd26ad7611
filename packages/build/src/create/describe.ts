// The manifest of an update: what was compared and built, in the words that the applying machine checks.

import { createHash } from 'node:crypto';
import {
  type ChangedBytes,
  type Definition,
  hashCode,
  type LedPointer,
  listChangedBytes,
  mayCoexist,
  nameModuleExit,
  type ObjectDiff,
  type RunningObject,
} from '@resplice/engine';
import type { Reason } from '@resplice/report';
import type { CodeSite, Manifest, PatchedObject, ReplacedFunction, UnloadedModule } from '@resplice/update';
import type { ComparedObject } from './compare.js';
import type { KernelModel } from './kernel-model.js';

interface ObjectContext {
  /** Where the addresses of led pointers lie in `.data` of the update's module. */
  readonly pointers: ReadonlyMap<LedPointer, number>;
  readonly jumps: ReadonlyMap<Definition, NonNullable<ReplacedFunction['jump']>>;
  /** Modules that must not be loaded when the update is applied or undone. */
  readonly unloaded: readonly UnloadedModule[];
}

/** The objects of the kernel that the update patches, each with all that is replaced and added in it. */
export function describeObjects(
  model: KernelModel,
  compared: readonly ComparedObject[],
  { jumps, unloaded, pointers }: ObjectContext,
): Manifest['objects'] {
  const owners = [...new Set(compared.map(({ owner }) => owner))];
  return owners.map((owner): PatchedObject => {
    const mine = compared.filter((object) => object.owner === owner);
    const led = mine.flatMap((object) => describePointers(model.object(owner), object, pointers));
    const isUnloaded = unloaded.some(({ module }) => module === owner);
    return {
      name: owner,
      buildId: owner === 'vmlinux' ? null : (model.loadedModule(owner)?.buildId ?? null),
      // Before Linux 6.3 the livepatch core does not clear what it resolved, and refuses to resolve it again.
      reloadable: owner === 'vmlinux' || model.vmlinux.addressesOf('clear_relocate_add').length > 0,
      sources: [...new Set(mine.map(({ source }) => source))].sort(),
      exit: describeExit(mine),
      data: isUnloaded ? [] : mine.flatMap((object) => describeData(model.object(owner), object)),
      ...(led.length === 0 ? {} : { pointers: led }),
      functions: mine.flatMap((object) => describeFunctions(model.object(owner), object, jumps)),
      added: mine.flatMap(({ diff }) =>
        diff.selection.added.map((definition) => ({
          name: definition.name,
          kind: definition.kind === 'function' ? ('function' as const) : ('data' as const),
          size: definition.size,
          // Who has an address of an unloaded module's code would be wrong without any update.
          addressTaken: !isUnloaded && diff.selection.addressTaken.has(definition),
        })),
      ),
    };
  });
}

/** All constants that are changed in place, with the kernel object each is in. */
export function listData(model: KernelModel, compared: readonly ComparedObject[]) {
  return compared.flatMap((object) =>
    describeData(model.object(object.owner), object).map((data) => ({ owner: object.owner, ...data })),
  );
}

/** Constants that are changed in place; `judgeData` has refused those that cannot be found. */
function describeData(running: RunningObject, compared: ComparedObject): PatchedObject['data'] {
  return listInPlace(compared).flatMap((pair) => {
    const { before, after } = pair;
    const address = findData(running, compared, before);
    if (address === undefined) return [];
    const name = runningName(running, before.symbols, address) ?? before.name;
    const isKernel = running.name === 'vmlinux';
    return listBytes(compared, pair).map((bytes) => ({
      name: isKernel ? after.name : name,
      position: isKernel ? 0 : (running.position(name, address) ?? 0),
      address: isKernel ? `0x${(address + BigInt(bytes.offset)).toString(16)}` : null,
      before: Buffer.from(bytes.before).toString('base64'),
      after: Buffer.from(bytes.after).toString('base64'),
    }));
  });
}

/** In a module the place of a change is the beginning of a symbol, so that all bytes up to the last one that changes are written. */
function listBytes({ owner, diff }: ComparedObject, { before, after }: InPlacePair): readonly ChangedBytes[] {
  const changes = listChangedBytes(diff.pre, before, diff.post, after);
  const last = changes.at(-1);
  if (owner === 'vmlinux' || last === undefined) return changes;
  const end = last.offset + last.before.length;
  const bytesOf = ({ object }: ObjectDiff['pre'], definition: Definition) =>
    object.bytesOf(definition).slice(0, end);
  return [{ offset: 0, before: bytesOf(diff.pre, before), after: bytesOf(diff.post, after) }];
}

interface InPlacePair {
  readonly before: Definition;
  readonly after: Definition;
}

function listInPlace({ diff }: ComparedObject): readonly InPlacePair[] {
  return diff.selection.rewritten.flatMap((after) => {
    const before = diff.correlation.origins.get(after);
    return before === undefined ? [] : [{ before, after }];
  });
}

/** Where code that was matched says it is, or its name when that is the only one. */
function findData(running: RunningObject, { match }: ComparedObject, before: Definition): bigint | undefined {
  const named = running.addressesOf(before.name);
  return match.addresses.get(before) ?? (named.length === 1 ? named[0] : undefined);
}

/** Data with a led pointer has to be found. */
function judgeHolders(model: KernelModel, compared: readonly ComparedObject[]): readonly Reason[] {
  return compared.flatMap((object) =>
    object.diff.selection.led.flatMap(({ holder }): readonly Reason[] => {
      if (findData(model.object(object.owner), object, holder) !== undefined) return [];
      const found = 'it cannot be told which data of that name it is';
      return [{ code: 'ambiguous-symbol', subject: { object: object.name, symbol: holder.name }, found }];
    }),
  );
}

/** What is to be changed in place has to be in the shipped kernel, as it was compiled here. */
export function judgeData(model: KernelModel, compared: readonly ComparedObject[]): readonly Reason[] {
  const constants = compared.flatMap((object) =>
    listInPlace(object).flatMap((pair): readonly Reason[] => {
      const { before } = pair;
      const running = model.object(object.owner);
      const subject = { object: object.name, symbol: before.name };
      const address = findData(running, object, before);
      if (address === undefined)
        return [
          { code: 'ambiguous-symbol', subject, found: 'it cannot be told which data of that name it is' },
        ];
      const differing = listBytes(object, pair).find(
        (bytes) =>
          Buffer.compare(running.read(address + BigInt(bytes.offset), bytes.before.length), bytes.before) !==
          0,
      );
      if (differing === undefined) return [];
      const found = `the shipped kernel has other data at +0x${differing.offset.toString(16)}`;
      return [{ code: 'original-differs', subject: { ...subject, offset: differing.offset }, found }];
    }),
  );
  return [...constants, ...judgeHolders(model, compared)];
}

function describePointers(
  running: RunningObject,
  compared: ComparedObject,
  places: ReadonlyMap<LedPointer, number>,
): NonNullable<PatchedObject['pointers']> {
  return compared.diff.selection.led.flatMap((pointer) => {
    const { holder, tableAfter, offset } = pointer;
    const address = findData(running, compared, holder);
    const content = places.get(pointer);
    if (address === undefined || content === undefined) return [];
    const name = runningName(running, holder.symbols, address) ?? holder.name;
    return [
      { name, position: running.position(name, address) ?? 0, at: offset, to: tableAfter.name, content },
    ];
  });
}

function describeExit(compared: readonly ComparedObject[]): string | null {
  const [exit] = compared.flatMap(({ diff }) => diff.selection.exit ?? []);
  return exit === undefined ? null : nameModuleExit(exit);
}

function describeFunctions(
  running: RunningObject,
  { diff, match, source }: ComparedObject,
  jumps: ReadonlyMap<Definition, NonNullable<ReplacedFunction['jump']>>,
): readonly ReplacedFunction[] {
  return diff.replaced.flatMap(({ before, after, difference }): readonly ReplacedFunction[] => {
    const found = match.functions.get(before);
    const name = found === undefined ? undefined : runningName(running, before.symbols, found.address);
    if (found === undefined || name === undefined) return [];
    const { address, size } = found;
    return [
      {
        name,
        position: running.position(name, address) ?? 0,
        address: running.name === 'vmlinux' ? `0x${address.toString(16)}` : null,
        size,
        code: Buffer.from(running.read(address, size)).toString('base64'),
        sites: describeSites(running, address, size),
        source,
        replacement: after.name,
        newSize: after.size,
        newCode: hashCode(diff.post, after),
        firstDifference: difference ?? null,
        jump: jumps.get(after) ?? null,
        coexists: mayCoexist(diff.custom, before),
      },
    ];
  });
}

/** The name by which the kernel knows the address, of several that the object gives it. */
export function runningName(
  running: RunningObject,
  symbols: readonly { readonly name: string }[],
  address: bigint,
): string | undefined {
  return symbols.find((symbol) => running.addressesOf(symbol.name).includes(address))?.name;
}

/** Places of the code that may differ in memory. */
export function describeSites(running: RunningObject, address: bigint, size: number): CodeSite[] {
  return running
    .sitesIn(address, size)
    .map((site) => {
      const start = Math.max(0, Number(site.address - address));
      const end = Math.min(size, Number(site.address - address) + site.length);
      return { at: start, length: end - start, kind: site.kind as CodeSite['kind'] };
    })
    .filter((site) => site.length > 0)
    .sort((a, b) => a.at - b.at || a.length - b.length || (a.kind < b.kind ? -1 : 1));
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
