// What the machine says about itself: facts of the kernel and of its updates. docs/client.md lists every field, and `resplice status --report`
// prints what would be sent now. No host name unless the configuration asks for it, and no address.

import { hostname } from 'node:os';
import { listUpdates } from '@resplice/host';
import type { MachineReport, ReportedUpdate } from '@resplice/protocol';
import { VERSION } from '@resplice/report';
import { findSwitchedOff } from '../boot/switched-off.js';
import { type Client, readUptime } from '../client.js';
import { readHealth } from '../health/health-note.js';
import { readEffectiveKernel } from '../kernel/effective.js';
import { listCounting, openKnownUpdates } from '../state/known-updates.js';
import { type Outcome, openOutcomeList } from '../state/outcome-list.js';

export function makeReport(client: Client): MachineReport {
  const { machine, places, kernel, bootId, configuration } = client;
  const effective = readEffectiveKernel(client);
  const uptimeSeconds = Math.floor(readUptime(machine));
  return {
    client: VERSION,
    kernel: { ...kernel, architecture: machine.architecture, flavour: findFlavour(kernel.release) },
    bootId,
    uptimeSeconds,
    effective: {
      release: effective.release,
      cvesFixed: effective.fixed.length,
      cvesOpen: effective.open?.length ?? null,
    },
    updates: listReported(client).slice(0, 1000),
    health: describeHealth(client),
    disabled: findSwitchedOff(machine, places, kernel.buildId) ?? null,
    lastReboot: new Date(machine.now().getTime() - uptimeSeconds * 1000).toISOString(),
    ...(configuration.sendHostname ? { hostname: hostname() } : {}),
  };
}

/** `amd64`, `cloud-amd64`, `rt-amd64` of `6.1.0-47-amd64` and `6.12.107+deb12-rt-amd64`. */
export function findFlavour(release: string): string {
  return /^\d[\d.]*(?:-\d+)?(?:\+[a-z0-9~.]+)?-([a-z].*)$/.exec(release)?.[1] ?? '';
}

export function describeHealth(client: Client): MachineReport['health'] {
  const { state, note } = readHealth(client);
  return { state, complaints: note?.complaints ?? [] };
}

function listReported({ machine, places, kernel }: Client): readonly ReportedUpdate[] {
  const known = openKnownUpdates(places, kernel.buildId).read();
  const outcomes = new Map(
    openOutcomeList(places, kernel.buildId)
      .list()
      .map((each) => [each.id, each]),
  );
  const published = known === undefined ? undefined : new Set(known.updates.map(({ id }) => id));
  const inKernel = listUpdates(machine);
  const active: ReportedUpdate[] = inKernel.flatMap(
    ({ id, engine, state, since, description }): ReportedUpdate[] => {
      if (state === 'interrupted') return [];
      const about = { id, engine, ...named(description), ...(since === undefined ? {} : { since }) };
      if (state !== 'applied') return [{ ...about, state: 'failed' }];
      return [{ ...about, state: published?.has(id) === false ? 'withdrawn' : 'applied' }];
    },
  );
  const ids = new Set(active.map(({ id }) => id));
  const engines = new Map(known?.updates.map(({ id, engine }) => [id, readEngine(engine)]));
  const counting = listCounting(known?.updates ?? []).map(({ id }) => id);
  const others = [...new Set([...counting, ...outcomes.keys()])].filter(
    (id) => !ids.has(id) && (published?.has(id) === true || !isTakenBack(outcomes.get(id))),
  );
  const inactive = others.map((id): ReportedUpdate => {
    const outcome = outcomes.get(id);
    const description = known?.updates.find((each) => each.id === id)?.description;
    const about = { id, engine: engines.get(id) ?? 'livepatch', ...named(description) };
    if (outcome === undefined || isTakenBack(outcome)) return { ...about, state: 'available' };
    const reasons = outcome.reasons.map(({ code, subject }) => ({
      code: code.slice(0, 60),
      subject: subject.slice(0, 200),
    }));
    const state = outcome.state === 'refused' ? 'refused' : 'failed';
    return { ...about, state, reasons, since: outcome.since };
  });
  return [...active, ...inactive];
}

/** Not applied because somebody wanted that: nothing that went wrong. */
function isTakenBack(outcome: Outcome | undefined): boolean {
  return outcome?.state === 'removed' || outcome?.state === 'withdrawn';
}

function named(description: string | undefined): { readonly name?: string } {
  return description === undefined || description === '' ? {} : { name: description.slice(0, 200) };
}

function readEngine(text: string): ReportedUpdate['engine'] {
  return text === 'trampoline' ? 'trampoline' : 'livepatch';
}
