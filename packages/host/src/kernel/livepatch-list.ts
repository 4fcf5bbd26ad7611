// The live patches the kernel knows, ours and others', from /sys/kernel/livepatch.
// Source: Linux Documentation/ABI/testing/sysfs-kernel-livepatch. A function's directory is `name,rank`, the rank being at least 1.

import { type Machine, readText } from '../machine/machine.js';

export const LIVEPATCH_DIRECTORY = '/sys/kernel/livepatch';

export interface PatchedFunction {
  readonly name: string;
  /** 1-based rank among same-named symbols of the object. */
  readonly rank: number;
}

export interface LivepatchObject {
  readonly name: string;
  /** False while the module that the object stands for is not loaded. */
  readonly patched: boolean;
  readonly functions: readonly PatchedFunction[];
}

export interface Livepatch {
  readonly module: string;
  readonly enabled: boolean;
  /** True while tasks are being switched: to the patch when enabled, away from it when not. */
  readonly transition: boolean;
  readonly objects: readonly LivepatchObject[];
}

export type LivepatchSwitch = Pick<Livepatch, 'enabled' | 'transition'>;

/** Undefined once the kernel has forgotten the patch. */
export function readSwitch(machine: Machine, module: string): LivepatchSwitch | undefined {
  const enabled = readText(machine, `${LIVEPATCH_DIRECTORY}/${module}/enabled`);
  const transition = readText(machine, `${LIVEPATCH_DIRECTORY}/${module}/transition`);
  if (enabled === undefined || transition === undefined) return undefined;
  return { enabled: enabled === '1', transition: transition === '1' };
}

export function readLivepatches(machine: Machine): readonly Livepatch[] {
  const patches: Livepatch[] = [];
  for (const module of machine.listDirectory(LIVEPATCH_DIRECTORY) ?? []) {
    const state = readSwitch(machine, module);
    if (state !== undefined) patches.push({ module, ...state, objects: readObjects(machine, module) });
  }
  return patches;
}

function readObjects(machine: Machine, module: string): readonly LivepatchObject[] {
  const objects: LivepatchObject[] = [];
  const directory = `${LIVEPATCH_DIRECTORY}/${module}`;
  for (const name of machine.listDirectory(directory) ?? []) {
    // Only an object has this file; `enabled`, `force` and their like are files themselves.
    const patched = readText(machine, `${directory}/${name}/patched`);
    if (patched === undefined) continue;
    const functions = (machine.listDirectory(`${directory}/${name}`) ?? []).flatMap(parsePatchedFunction);
    objects.push({ name, patched: patched === '1', functions });
  }
  return objects;
}

/** One function of a directory name such as `init_once,3`; none of any other name. */
export function parsePatchedFunction(entry: string): readonly PatchedFunction[] {
  const parts = /^(.+),([1-9]\d*)$/.exec(entry);
  return parts?.[1] === undefined ? [] : [{ name: parts[1], rank: Number(parts[2]) }];
}
