// The engine's core is loaded with the first update that needs it and removed with the last one. It carries no state that matters
// without updates, so one that an earlier command left is used as it is.

import type { Reason } from '@resplice/report';
import { type AbsoluteImport, CORE_NAME } from '@resplice/update';
import type { ApplicableUpdate } from '../applicable-update.js';
import { readModules } from '../kernel/module-list.js';
import { loadModule } from '../loading.js';
import type { Machine } from '../machine/machine.js';
import { readCoreUpdates } from './core-device.js';
import { type Addresses, linkModule } from './symbol-address.js';

/** What the core needs by address; nothing when one is loaded. */
export function listCoreImports(machine: Machine, { manifest }: ApplicableUpdate): readonly AbsoluteImport[] {
  return isCoreLoaded(machine) ? [] : (manifest.trampoline?.core.imports ?? []);
}

/** Loads the core that the update carries, unless one is loaded. */
export async function loadCore(
  machine: Machine,
  update: ApplicableUpdate,
  found: Addresses,
): Promise<readonly Reason[]> {
  if (isCoreLoaded(machine)) return [];
  const core = update.core ?? new Uint8Array();
  const linked = linkModule(core, listCoreImports(machine, update), found, CORE_NAME);
  if (!linked.ok) return linked.reasons;
  const failure = await loadModule(machine, CORE_NAME, linked.module);
  return failure === undefined ? [] : [failure];
}

/** Removes the core when no update needs it. Nothing is said when it stays: the next command finds it as it is. */
export async function removeIdleCore(machine: Machine): Promise<void> {
  if (!isCoreLoaded(machine)) return;
  if (readCoreUpdates(machine)?.length === 0) await machine.removeModule(CORE_NAME);
}

export function isCoreLoaded(machine: Machine): boolean {
  return readModules(machine).some(({ name }) => name === CORE_NAME);
}
