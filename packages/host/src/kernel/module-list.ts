// Loaded modules in the order in which they were loaded. /proc/modules lists the newest first; that order is the kernel's own
// memory of which live patch stands on which, and unlike a file of ours it cannot be stale.

import { type Machine, readText } from '../machine/machine.js';

export interface LoadedModule {
  readonly name: string;
  readonly state: 'live' | 'loading' | 'unloading';
  /** How many hold it. */
  readonly references: number;
}

const STATES = new Map<string, LoadedModule['state']>([
  ['Live', 'live'],
  ['Loading', 'loading'],
  ['Unloading', 'unloading'],
]);

/** Oldest first. Lines that are not understood are left out. */
export function parseModules(text: string): readonly LoadedModule[] {
  const modules: LoadedModule[] = [];
  for (const line of text.split('\n')) {
    // name size references users state address [taint]
    const [name, , references, , word] = line.split(' ');
    const state = STATES.get(word ?? '');
    if (name !== undefined && state !== undefined)
      modules.push({ name, state, references: Number(references) || 0 });
  }
  return modules.reverse();
}

export function readModules(machine: Machine): readonly LoadedModule[] {
  return parseModules(readText(machine, '/proc/modules') ?? '');
}
