// What the trampoline engine has in the kernel now, with the functions that each update replaces. The core knows ids and order; which functions
// these are stands in the archive that apply kept.

import type { CoreState } from '@resplice/engine';
import { RespliceError } from '@resplice/report';
import { type Manifest, parseUpdate } from '@resplice/update';
import { findUpdateId } from '../applicable-update.js';
import type { Livepatch } from '../kernel/livepatch-list.js';
import type { Machine } from '../machine/machine.js';
import { readArchive } from '../state/record.js';
import { readCoreUpdates } from './core-device.js';

export interface ActiveTrampoline {
  readonly id: string;
  readonly module: string;
  readonly state: CoreState;
  /** Undefined when its archive is gone or damaged. */
  readonly manifest: Manifest | undefined;
}

/** Empty for a user who may not ask. */
export function readTrampolines(machine: Machine): readonly ActiveTrampoline[] {
  return (readCoreUpdates(machine) ?? []).flatMap(({ module, state }) => {
    const id = findUpdateId(module);
    return id === undefined ? [] : [{ id, module, state, manifest: readKeptManifest(machine, id) }];
  });
}

export function readKeptManifest(machine: Machine, id: string): Manifest | undefined {
  const archive = readArchive(machine, id);
  if (archive === undefined) return undefined;
  try {
    return parseUpdate(archive, `the stored copy of ${id}`).manifest;
  } catch (error) {
    // Damaged: it only describes, and what cannot be described is reported without names.
    if (error instanceof RespliceError) return undefined;
    throw error;
  }
}

/** What an update patches, in the words in which the kernel says it of a live patch. */
export function listPatchedObjects(manifest: Manifest, patched: boolean): Livepatch['objects'] {
  return manifest.objects.map(({ name, functions }) => ({
    name,
    patched,
    functions: functions.map((each) => ({ name: each.name, rank: Math.max(each.position, 1) })),
  }));
}
