// All that the checks before applying look at, read once. Reading and deciding are apart: the decisions are pure functions of
// these facts, and each refusal can be tested by changing one of them.

import { RespliceError } from '@resplice/report';
import { type ApplicableUpdate, listTargets, type TargetFunction } from '../applicable-update.js';
import { type KernelMemory, readKernelMemory } from '../kernel/core-file.js';
import { type Environment, readBuildId, readEnvironment } from '../kernel/environment.js';
import { findSymbols, type SymbolSearch, symbolKey } from '../kernel/kallsyms.js';
import { type Kprobe, readKprobes } from '../kernel/kprobe-list.js';
import { type Livepatch, readLivepatches } from '../kernel/livepatch-list.js';
import { type LoadedModule, readModules } from '../kernel/module-list.js';
import { readTracedFunctions, type TracedFunction } from '../kernel/tracer-list.js';
import type { Machine } from '../machine/machine.js';
import { readArchive } from '../state/record.js';

export interface ApplyFacts {
  readonly environment: Environment;
  /** Oldest first. */
  readonly modules: readonly LoadedModule[];
  readonly livepatches: readonly Livepatch[];
  /** Undefined when the kernel's list cannot be read. */
  readonly kprobes: readonly Kprobe[] | undefined;
  readonly traced: readonly TracedFunction[] | undefined;
  /** Build ids of the loaded modules that the update patches. */
  readonly moduleBuildIds: ReadonlyMap<string, string | undefined>;
  /** The archive kept under this update's id, if any. */
  readonly archive: Uint8Array | undefined;
}

/** Where the functions are and what is there; read only when the kernel is the right one. */
export interface CodeFacts {
  readonly symbols: SymbolSearch | { readonly unreadable: string };
  readonly memory: { readonly slide: bigint | undefined } | { readonly unreadable: string };
  /** By `symbolKey`; absent for a function that was not found or whose memory is not mapped. */
  readonly code: ReadonlyMap<string, Uint8Array>;
}

export function readApplyFacts(machine: Machine, update: ApplicableUpdate): ApplyFacts {
  const modules = readModules(machine);
  const loaded = update.manifest.objects.filter(({ name }) => name !== 'vmlinux' && isLoaded(modules, name));
  return {
    environment: readEnvironment(machine),
    modules,
    livepatches: readLivepatches(machine),
    kprobes: readKprobes(machine),
    traced: readTracedFunctions(machine),
    moduleBuildIds: new Map(
      loaded.map(({ name }) => [name, readBuildId(machine, `/sys/module/${name}/notes/.note.gnu.build-id`)]),
    ),
    archive: readArchive(machine, update.manifest.id),
  };
}

export function isLoaded(modules: readonly LoadedModule[], object: string): boolean {
  return object === 'vmlinux' || modules.some(({ name }) => name === object);
}

/** Functions of objects that are in the kernel now. */
export function listPresentTargets(update: ApplicableUpdate, facts: ApplyFacts): readonly TargetFunction[] {
  return listTargets(update.manifest).filter(({ object }) => isLoaded(facts.modules, object));
}

export function readCodeFacts(machine: Machine, targets: readonly TargetFunction[]): CodeFacts {
  if (targets.length === 0) {
    return { symbols: { hidden: false, addresses: new Map() }, memory: { slide: 0n }, code: new Map() };
  }
  const symbols = readSymbols(machine, targets);
  const addresses = 'addresses' in symbols ? symbols.addresses : new Map<string, bigint>();
  return { symbols, ...readCode(machine, targets, addresses) };
}

function readSymbols(machine: Machine, targets: readonly TargetFunction[]): CodeFacts['symbols'] {
  const open = machine.openFile('/proc/kallsyms');
  if (!open.ok) return { unreadable: open.code };
  try {
    return findSymbols(open.file, targets);
  } finally {
    open.file.close();
  }
}

function readCode(
  machine: Machine,
  targets: readonly TargetFunction[],
  addresses: ReadonlyMap<string, bigint>,
): Pick<CodeFacts, 'memory' | 'code'> {
  const open = machine.openFile('/proc/kcore');
  if (!open.ok) return { memory: { unreadable: open.code }, code: new Map() };
  try {
    const memory = readKernelMemory(open.file);
    return { memory: { slide: memory.slide }, code: readFunctions(memory, targets, addresses) };
  } catch (error) {
    if (error instanceof RespliceError) return { memory: { unreadable: error.message }, code: new Map() };
    throw error;
  } finally {
    open.file.close();
  }
}

function readFunctions(
  memory: KernelMemory,
  targets: readonly TargetFunction[],
  addresses: ReadonlyMap<string, bigint>,
): ReadonlyMap<string, Uint8Array> {
  const wanted = targets.flatMap((target) => {
    const address = addresses.get(symbolKey(target));
    return address === undefined ? [] : [{ key: symbolKey(target), address, size: target.code.length }];
  });
  const found = memory.read(wanted);
  return new Map(
    wanted.flatMap(({ key }, index) => {
      const code = found[index];
      return code === undefined ? [] : [[key, code] as const];
    }),
  );
}
