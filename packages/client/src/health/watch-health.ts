// After an update was applied, the kernel log is looked at after some minutes, several times. A warning or an oops since then may have other
// causes; but who is unsure takes the newest change back first. What was undone so is not applied again by itself.
//
// The watching can be killed and started again at any time: what was seen is in the watch list.

import { listUpdates } from '@resplice/host';
import { EnvironmentError, findKernelFaults } from '@resplice/report';
import { openBootNote, settleBoot } from '../boot/boot-guard.js';
import { type Client, readUptime } from '../client.js';
import { withClientLock } from '../lock.js';
import { describeReasons } from '../reported-reason.js';
import { openOutcomeList } from '../state/outcome-list.js';
import { openWantedSet } from '../state/wanted-set.js';
import { type TakenBack, tryToUndo, type Undo } from '../upgrade/take-back.js';
import { type HealthNote, openHealthNote } from './health-note.js';
import { listWatched, type WatchedUpdate, writeWatched } from './watch-list.js';

/** Minutes after an update was applied. */
export const LOOKS: readonly number[] = [1, 5, 15];

/** An upgrade may take that long. */
const LOCK_PATIENCE = 600_000;
const MOST_COMPLAINTS = 20;
/** Characters of one complaint that are kept: its first lines. */
const LONGEST_COMPLAINT = 1000;

export interface WatchOptions {
  readonly undo: Undo;
  readonly minutes?: readonly number[];
  /** Look once at what is due, and wait for nothing. */
  readonly once?: boolean;
}

export interface HealthResult {
  readonly state: 'good' | 'watching' | 'bad';
  /** Clean looks that were made in this run. */
  readonly looks: number;
  readonly note: HealthNote | undefined;
}

/** Resolves when nothing is to be watched any more, or a fault was dealt with. Throws EnvironmentError `kernel-log-not-readable`. */
export async function watchHealth(client: Client, options: WatchOptions): Promise<HealthResult> {
  const { minutes = LOOKS } = options;
  let looks = 0;
  for (;;) {
    // The list is read and written under the lock: an upgrade may add to it in the meantime.
    const look = await withClientLock(client, 'health', () => lookOnce(client, options), LOCK_PATIENCE);
    if (look.note !== undefined) return { state: 'bad', looks, note: look.note };
    if (look.clean) looks += 1;
    const watched = listWatched(client);
    if (watched.length === 0) return { state: 'good', looks, note: undefined };
    if (options.once === true || client.signal?.aborted === true)
      return { state: 'watching', looks, note: undefined };
    const now = readUptime(client.machine);
    const wait = Math.min(...watched.map((each) => secondsUntilLook(each, minutes, now)));
    await client.machine.sleep(Math.max(0, wait) * 1000, client.signal);
  }
}

async function lookOnce(
  client: Client,
  options: WatchOptions,
): Promise<{ readonly clean: boolean; readonly note: HealthNote | undefined }> {
  const { minutes = LOOKS } = options;
  const { machine, places, kernel } = client;
  const watched = listWatched(client);
  const now = readUptime(machine);
  const isDue = (each: WatchedUpdate) => secondsUntilLook(each, minutes, now) <= 0;
  if (!watched.some(isDue)) return { clean: false, note: undefined };
  const faults = findKernelFaults(readLogSince(client, watched));
  if (faults.length > 0) return { clean: false, note: await takeBack(client, watched, faults, options) };
  await settleBoot(openBootNote(places, kernel.buildId));
  const later = watched.map((each) => (isDue(each) ? { ...each, looks: each.looks + 1 } : each));
  await writeWatched(
    client,
    later.filter((each) => each.looks < minutes.length),
  );
  return { clean: true, note: undefined };
}

function secondsUntilLook({ since, looks }: WatchedUpdate, minutes: readonly number[], now: number): number {
  return since + (minutes[looks] ?? 0) * 60 - now;
}

/** From the first marker on; the whole log when it was overwritten since, for then all of it is younger. */
function readLogSince({ machine }: Client, watched: readonly WatchedUpdate[]): string {
  const lines = machine.readKernelLog();
  if (lines.length === 0) {
    throw new EnvironmentError(
      'kernel-log-not-readable',
      '/dev/kmsg: the kernel log cannot be read, so nobody watches over the updates; run it as root',
    );
  }
  const markers = new Set(watched.map(({ marker }) => marker));
  const first = lines.findIndex((line) => markers.has(line));
  return lines.slice(first + 1).join('\n');
}

async function takeBack(
  client: Client,
  watched: readonly WatchedUpdate[],
  faults: readonly string[],
  { undo }: WatchOptions,
): Promise<HealthNote> {
  const { machine, places, kernel, bootId } = client;
  const since = machine.now().toISOString();
  const complaints = faults.slice(0, MOST_COMPLAINTS).map((fault) => fault.slice(0, LONGEST_COMPLAINT));
  const reason = {
    code: 'kernel-complained' as const,
    subject: {},
    found: complaints[0]?.split('\n').find((line) => line.trim() !== '') ?? '',
  };
  const ids = new Set(watched.map(({ id }) => id));
  const order = listUpdates(machine).flatMap(({ id }) => (ids.has(id) ? [id] : []));
  const updates: HealthNote['updates'] = [];
  for (const id of order.reverse()) {
    // Before the attempt: should undoing bring the machine down, the next boot must not apply it again.
    await openOutcomeList(places, kernel.buildId).note({
      id,
      state: 'harmful',
      reasons: describeReasons([reason]),
      since,
    });
    await openWantedSet(places, kernel).remove(id);
    updates.push({ id, ...describeUndo(await tryToUndo(id, undo)) });
  }
  const note: HealthNote = { format: 1, bootId, since, complaints, updates };
  await openHealthNote(places, kernel.buildId).write(note);
  await writeWatched(client, []);
  return note;
}

function describeUndo({ state, reasons = [], error }: TakenBack): { undone: boolean; detail: string } {
  if (state === 'refused')
    return { undone: false, detail: reasons.map(({ code, found }) => `${code}: ${found}`).join('; ') };
  if (state === 'failed') return { undone: false, detail: `${error?.code}: ${error?.message}` };
  return { undone: true, detail: state };
}
