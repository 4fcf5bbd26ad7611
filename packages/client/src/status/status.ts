// Everything that `status` and `check` tell, from this machine alone: no network, and no root except where the kernel demands it.

import { listUpdates, type UpdateStatus } from '@resplice/host';
import { openBootNote } from '../boot/boot-guard.js';
import { findSwitchedOff, type SwitchedOff } from '../boot/switched-off.js';
import type { Client, Kernel } from '../client.js';
import { type Health, type HealthNote, readHealth } from '../health/health-note.js';
import { type EffectiveKernel, readEffectiveKernel } from '../kernel/effective.js';
import { openRegistration, type Registration } from '../service/registration.js';
import { type KnownUpdate, listCounting, openKnownUpdates } from '../state/known-updates.js';
import { type Outcome, openOutcomeList } from '../state/outcome-list.js';
import { listKeptKernels, openWantedSet, type WantedUpdate } from '../state/wanted-set.js';

export interface ClientStatus {
  readonly kernel: Kernel;
  readonly effective: EffectiveKernel;
  readonly switchedOff: SwitchedOff | undefined;
  /** Boots in a row that did not get far. */
  readonly endedEarly: number;
  readonly updates: readonly UpdateStatus[];
  /** Wanted on this kernel, and not applied. */
  readonly missing: readonly WantedUpdate[];
  /** In the repository, neither applied nor declined. */
  readonly available: readonly KnownUpdate[];
  /** Applied, and gone from the repository. */
  readonly withdrawn: readonly string[];
  readonly outcomes: readonly Outcome[];
  readonly health: Health['state'];
  readonly healthNote: HealthNote | undefined;
  /** When the repository was last asked. */
  readonly seen: string | undefined;
  readonly registration: Registration | undefined;
  /** Build ids of kernels of which something is kept. */
  readonly keptKernels: readonly string[];
}

export function readStatus(client: Client): ClientStatus {
  const { machine, places, kernel } = client;
  const updates = listUpdates(machine);
  const applied = new Set(updates.filter(({ state }) => state === 'applied').map(({ id }) => id));
  const outcomes = openOutcomeList(places, kernel.buildId).list();
  const known = openKnownUpdates(places, kernel.buildId).read();
  const registration = openRegistration(places).read();
  const published = new Set(known?.updates.map(({ id }) => id));
  const declined = new Set([
    ...outcomes.filter(({ state }) => state === 'removed').map(({ id }) => id),
    ...(registration?.desired?.except ?? []),
    ...(registration?.desired?.remove ?? []),
  ]);
  const health = readHealth(client);
  return {
    kernel,
    effective: readEffectiveKernel(client),
    switchedOff: findSwitchedOff(machine, places, kernel.buildId),
    endedEarly: openBootNote(places, kernel.buildId).read()?.endedEarly ?? 0,
    updates,
    missing: openWantedSet(places, kernel)
      .list()
      .filter(({ id }) => !applied.has(id)),
    available: listCounting(known?.updates ?? [], declined).filter(({ id }) => !applied.has(id)),
    withdrawn: known === undefined ? [] : [...applied].filter((id) => !published.has(id)),
    outcomes,
    health: health.state,
    healthNote: health.note,
    seen: known?.seen,
    registration,
    keptKernels: listKeptKernels(places),
  };
}
