// All that the checks before applying look at, read once. Reading and deciding are apart: the decisions are pure functions of
// these facts, and each refusal can be tested by changing one of them.

import { RespliceError } from '@resplice/report';
import {
  type ApplicableUpdate,
  listModuleBuilds,
  listTargets,
  type TargetFunction,
  targetKey,
} from '../applicable-update.js';
import { type KernelMemory, readKernelMemory } from '../kernel/core-file.js';
import { type Environment, readBuildId, readEnvironment } from '../kernel/environment.js';
import { findSymbols, type SymbolSearch } from '../kernel/kallsyms.js';
import { type Kprobe, readKprobes } from '../kernel/kprobe-list.js';
import { type Livepatch, readLivepatches } from '../kernel/livepatch-list.js';
import { type ModuleFile, readModuleFiles } from '../kernel/module-file.js';
import { type LoadedModule, readModules } from '../kernel/module-list.js';
import { readTracedFunctions, type TracedFunction } from '../kernel/tracer-list.js';
import { readTrustedKeys, type TrustedKey } from '../kernel/trusted-key.js';
import { type Machine, readText } from '../machine/machine.js';
import { readArchive } from '../state/record.js';
import { type ActiveTrampoline, readTrampolines } from '../trampoline/active-update.js';
import { isSameKernel } from './environment-check.js';

export interface ApplyFacts {
  readonly environment: Environment;
  /** Oldest first. */
  readonly modules: readonly LoadedModule[];
  readonly livepatches: readonly Livepatch[];
  /** What the trampoline engine has in the kernel. */
  readonly trampolines: readonly ActiveTrampoline[];
  /** Undefined when the kernel's list cannot be read. */
  readonly kprobes: readonly Kprobe[] | undefined;
  readonly traced: readonly TracedFunction[] | undefined;
  /** Build ids of the loaded modules that the update changes or uses. */
  readonly moduleBuildIds: ReadonlyMap<string, string | undefined>;
  /** What the others would be loaded from. */
  readonly moduleFiles: ReadonlyMap<string, ModuleFile>;
  /** Undefined when they cannot be seen. */
  readonly trustedKeys: readonly TrustedKey[] | undefined;
  /** The archive kept under this update's id, if any. */
  readonly archive: Uint8Array | undefined;
}

/** Where the functions are and what is there; read only when the kernel is the right one. */
export interface CodeFacts {
  readonly symbols: SymbolSearch | { readonly unreadable: string };
  readonly memory: { readonly slide: bigint | undefined } | { readonly unreadable: string };
  /** By `targetKey`; absent for a function that was not found or whose memory is not mapped. */
  readonly code: ReadonlyMap<string, Uint8Array>;
}

export function readApplyFacts(machine: Machine, update: ApplicableUpdate): ApplyFacts {
  const modules = readModules(machine);
  const named = [...listModuleBuilds(update.manifest).keys()];
  const loaded = named.filter((name) => isLoaded(modules, name));
  const environment = readEnvironment(machine);
  // The files of another kernel are others anyway.
  const awaited = isSameKernel(update.manifest, environment)
    ? named.filter((name) => !isLoaded(modules, name))
    : [];
  return {
    environment,
    modules,
    livepatches: readLivepatches(machine),
    trampolines: readTrampolines(machine),
    kprobes: readKprobes(machine),
    traced: readTracedFunctions(machine),
    moduleBuildIds: new Map(
      loaded.map((name) => [name, readBuildId(machine, `/sys/module/${name}/notes/.note.gnu.build-id`)]),
    ),
    moduleFiles: readModuleFiles(machine, environment.release, awaited),
    trustedKeys: readTrustedKeys(machine),
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

/** @param needsSlide where the kernel lies matters even when none of the functions is there: addresses are computed from it */
export function readCodeFacts(
  machine: Machine,
  targets: readonly TargetFunction[],
  needsSlide = false,
): CodeFacts {
  if (targets.length === 0 && !needsSlide) {
    return { symbols: { hidden: false, addresses: new Map() }, memory: { slide: 0n }, code: new Map() };
  }
  const symbols = readSymbols(machine, targets);
  const addresses = 'addresses' in symbols ? symbols.addresses : new Map<string, bigint>();
  return { symbols, ...readCode(machine, targets, addresses) };
}

/** By `targetKey`. */
function readSymbols(machine: Machine, targets: readonly TargetFunction[]): CodeFacts['symbols'] {
  const open = machine.openFile('/proc/kallsyms');
  if (!open.ok) return { unreadable: open.code };
  try {
    const named = targets.filter(({ place }) => place === undefined);
    const { hidden, addresses } = findSymbols(open.file, named);
    const placed = targets.flatMap((target): (readonly [string, bigint])[] => {
      const text = target.place === undefined ? undefined : readTextAddress(machine, target.place.module);
      return text === undefined || target.place === undefined
        ? []
        : [[targetKey(target), text + BigInt(target.place.offset)]];
    });
    return { hidden, addresses: new Map([...addresses, ...placed]) };
  } finally {
    open.file.close();
  }
}

/** Where the code of a loaded module lies; undefined when it is not loaded or the kernel hides it. */
export function readTextAddress(machine: Machine, module: string): bigint | undefined {
  return readSectionAddress(machine, module, '.text');
}

export function readSectionAddress(machine: Machine, module: string, section: string): bigint | undefined {
  const text = readText(machine, `/sys/module/${module}/sections/${section}`);
  return text === undefined || !/^0x0*[1-9a-f]/.test(text) ? undefined : BigInt(text.trim());
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
    const address = addresses.get(targetKey(target));
    return address === undefined ? [] : [{ key: targetKey(target), address, size: target.code.length }];
  });
  const found = memory.read(wanted);
  return new Map(
    wanted.flatMap(({ key }, index) => {
      const code = found[index];
      return code === undefined ? [] : [[key, code] as const];
    }),
  );
}
