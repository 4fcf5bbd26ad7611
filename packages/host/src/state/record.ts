// What we note about an update before touching the kernel, so that a killed command leaves a trace that explains the kernel's
// state. It only describes: whether an update is applied is always asked from the kernel. A damaged record therefore costs a
// description, never a wrong answer.

import type { Manifest } from '@resplice/update';
import type { Machine } from '../machine/machine.js';

const RECORD_FORMAT = 1;

export type Phase = 'applying' | 'applied' | 'undoing';

export interface UpdateRecord {
  readonly id: string;
  readonly phase: Phase;
  /** When the phase began, ISO 8601. */
  readonly since: string;
  readonly description: string;
  readonly cves: readonly string[];
  readonly requires: readonly string[];
  /** New functions that the kernel may still call after an undo, because their address was taken. */
  readonly addressTaken: readonly string[];
  /** Modules that must not be loaded when it is undone. */
  readonly requiresUnloaded: readonly string[];
  readonly engine: Manifest['engine'];
}

export function describeUpdate(manifest: Manifest, phase: Phase, since: Date): UpdateRecord {
  const { id, description, cves, requires, engine } = manifest;
  const added = manifest.objects.flatMap((object) => object.added);
  const addressTaken = added.filter((each) => each.addressTaken).map(({ name }) => name);
  return {
    id,
    phase,
    since: since.toISOString(),
    description,
    cves,
    requires,
    addressTaken,
    requiresUnloaded: (manifest.requiresUnloaded ?? []).map(({ module }) => module),
    engine,
  };
}

export function readArchive(machine: Machine, id: string): Uint8Array | undefined {
  return machine.state.read(archiveName(id));
}

/** The archive first: a record must never stand without it. */
export function writeUpdateState(machine: Machine, archive: Uint8Array, record: UpdateRecord): void {
  machine.state.write(archiveName(record.id), archive);
  writeRecord(machine, record);
}

/** Notes that the update entered another phase; nothing when there is no record that could be kept up. */
export function noteUpdatePhase(machine: Machine, id: string, phase: Phase): void {
  const record = readRecord(machine, id);
  if (record !== undefined) writeRecord(machine, { ...record, phase, since: machine.now().toISOString() });
}

function writeRecord(machine: Machine, record: UpdateRecord): void {
  machine.state.write(recordName(record.id), encodeRecord(record));
}

/** The record first, for the same reason. */
export function removeUpdateState(machine: Machine, id: string): void {
  machine.state.remove(recordName(id));
  machine.state.remove(archiveName(id));
}

export function readRecord(machine: Machine, id: string): UpdateRecord | undefined {
  const bytes = machine.state.read(recordName(id));
  return bytes === undefined ? undefined : parseRecord(bytes);
}

/** Ids that have a record or an archive. */
export function listRecordedIds(machine: Machine): readonly string[] {
  const ids = machine.state.list().flatMap((name) => /^([a-z0-9_]+)\.(?:json|splice)$/.exec(name)?.[1] ?? []);
  return [...new Set(ids)].sort();
}

export function encodeRecord(record: UpdateRecord): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify({ format: RECORD_FORMAT, ...record }, null, 2)}\n`);
}

/** Undefined for anything that is not a record of this format. */
export function parseRecord(bytes: Uint8Array): UpdateRecord | undefined {
  const value = parseObject(bytes);
  if (value === undefined || value.get('format') !== RECORD_FORMAT) return undefined;
  const phase = (['applying', 'applied', 'undoing'] as const).find((each) => each === value.get('phase'));
  const [id, since, description] = [value.get('id'), value.get('since'), value.get('description')];
  const [cves, requires, addressTaken] = [
    value.get('cves'),
    value.get('requires'),
    value.get('addressTaken'),
  ];
  if (phase === undefined || typeof id !== 'string' || typeof since !== 'string') return undefined;
  if (typeof description !== 'string' || !isTexts(cves) || !isTexts(requires)) return undefined;
  if (!isTexts(addressTaken)) return undefined;
  // Records of earlier versions have no such list, and their updates had none.
  const unloaded = value.get('requiresUnloaded') ?? [];
  if (!isTexts(unloaded)) return undefined;
  const engine = value.get('engine') === 'trampoline' ? 'trampoline' : 'livepatch';
  const lists = { cves, requires, addressTaken, requiresUnloaded: unloaded };
  return { id, phase, since, description, ...lists, engine };
}

function parseObject(bytes: Uint8Array): ReadonlyMap<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : undefined;
  } catch {
    // Not JSON: the caller treats a damaged record as none.
    return undefined;
  }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

function archiveName(id: string): string {
  return `${id}.splice`;
}

function recordName(id: string): string {
  return `${id}.json`;
}
