// What is worth remembering of a machine: what became different between two check-ins. A function of both.

import type { MachineReport } from '@resplice/protocol';
import type { PatchLevel } from './patch-level.js';

export interface MachineEvent {
  readonly kind:
    | 'registered'
    | 'registered-again'
    | 'rebooted'
    | 'kernel-changed'
    | 'updates-changed'
    | 'health-changed'
    | 'disabled-changed'
    | 'hardware-changed'
    | 'conflict'
    | 'sequence-ahead';
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface KnownMachine {
  readonly sequence: number;
  readonly bootId: string;
  readonly fingerprint: string;
  readonly health: string;
  readonly disabled: string | null;
  readonly level: PatchLevel;
}

export interface NewMachine {
  readonly sequence: number;
  readonly fingerprint: string;
  readonly report: MachineReport;
  readonly level: PatchLevel;
}

export function listEvents(before: KnownMachine, after: NewMachine): readonly MachineEvent[] {
  const { report, level } = after;
  const events: MachineEvent[] = [];
  const note = (kind: MachineEvent['kind'], from: unknown, to: unknown): void => {
    if (from !== to) events.push({ kind, detail: { from, to } });
  };
  if (after.sequence > before.sequence + 1) note('sequence-ahead', before.sequence, after.sequence);
  note('hardware-changed', before.fingerprint, after.fingerprint);
  note('rebooted', before.bootId, report.bootId);
  note('kernel-changed', describeKernel(before.level), describeKernel(level));
  note('health-changed', before.health, report.health.state);
  note('disabled-changed', before.disabled, report.disabled);
  const changes = listUpdateChanges(before.level, level);
  if (changes.length > 0) events.push({ kind: 'updates-changed', detail: { changes } });
  return events.map((event) =>
    event.kind === 'health-changed'
      ? { ...event, detail: { ...event.detail, complaints: report.health.complaints.slice(0, 20) } }
      : event,
  );
}

function listUpdateChanges(before: PatchLevel, after: PatchLevel) {
  const states = new Map(before.updates.map(({ id, state }) => [id, state]));
  const present = new Set(after.updates.map(({ id }) => id));
  return [
    ...after.updates
      .filter(({ id, state }) => states.get(id) !== state)
      .map(({ id, state, reasons }) => ({
        id,
        from: states.get(id) ?? null,
        to: state,
        reasons: (reasons ?? []).map(({ code }) => code),
      })),
    ...before.updates
      .filter(({ id }) => !present.has(id))
      .map(({ id, state }) => ({ id, from: state, to: null, reasons: [] })),
  ];
}

function describeKernel({ kernelRelease, kernelVersion, buildId }: PatchLevel): string {
  return `${kernelRelease} ${kernelVersion} ${buildId}`;
}
