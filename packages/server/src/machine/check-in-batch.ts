// Check-ins that arrive at about the same time become one transaction: a few statements and one flush of the disk for up to some
// hundred machines, instead of one flush each. All of them are answered after it is on the disk, so what was acknowledged survives
// whatever happens next. Rejected: answering from memory and writing later (loses acknowledged check-ins), a cache of machines
// (several servers share one database).

import { createHash } from 'node:crypto';
import type { CheckInRequest, InstallMode, MachineState } from '@resplice/protocol';
import type { MaintenanceWindow } from '@resplice/protocol/console';
import { sql } from 'drizzle-orm';
import { hashCredential } from '../access/credential.js';
import { type Orm, selectRows } from '../database/database.js';
import { ServiceError } from '../failure.js';
import { announce } from '../live/announcement.js';
import { type CheckInJudgement, judgeCheckIn } from './check-in-rule.js';
import { listEvents, type MachineEvent } from './machine-event.js';
import {
  hashPatchLevel,
  type PatchLevel,
  type PatchLevelIndex,
  patchLevelOf,
  type ResolvedLevels,
} from './patch-level.js';

export interface ArrivedCheckIn {
  readonly machine: string;
  readonly token: string;
  readonly request: CheckInRequest;
}

/** Where a machine belongs, and what holds there. */
interface Membership {
  readonly organisationId: string;
  readonly state: MachineState;
  readonly group: string | null;
  readonly ring: number | null;
  readonly mode: InstallMode | null;
  readonly checkInSeconds: number;
  /** When it may install; null: at any time. */
  readonly windows: readonly MaintenanceWindow[] | null;
}

/** What the answer is made of. */
export interface RecordedCheckIn extends Membership {
  readonly ok: true;
  readonly machine: string;
  readonly catalogueVersion: number;
  readonly buildId: string;
  readonly reported: readonly string[];
  readonly events: readonly MachineEvent[];
}

export type CheckInResult =
  | RecordedCheckIn
  | { readonly ok: false; readonly error: Error; readonly machine?: string };

interface MachineRow extends Membership {
  readonly id: string;
  readonly tokenHash: string;
  readonly catalogueVersion: string | number;
}

/** What check-ins change, as it is after those of the batch that were judged. */
interface Changing {
  sequence: number;
  nonce: string;
  fingerprint: string;
  bootId: string;
  health: string;
  disabled: string | null;
  patchLevelId: number;
  reportHash: string;
}

interface Write extends Changing {
  readonly id: string;
  readonly hostname: string | null;
  readonly client: string;
  readonly uptimeSeconds: number;
}

/** Results in the order of the arrivals. Rejects when the transaction failed; then nothing is recorded. */
export async function recordCheckIns(
  orm: Orm,
  levels: PatchLevelIndex,
  arrivals: readonly ArrivedCheckIn[],
  now: Date,
): Promise<readonly CheckInResult[]> {
  let resolved: ResolvedLevels | undefined;
  const results = await orm.transaction(async (transaction) => {
    const rows = await lockMachines(
      transaction,
      arrivals.map(({ machine }) => machine),
    );
    const known = arrivals.filter((arrival) => isGenuine(arrival, rows.get(arrival.machine)));
    const described = new Map(known.map((arrival) => [arrival, describe(arrival, rows)]));
    const made = await levels.resolve(transaction, [...described.values()]);
    resolved = made;
    const before = await levels.load(
      transaction,
      known.map(({ machine }) => rows.get(machine)?.patchLevelId ?? 0),
    );

    const batch = new BatchWrites(now);
    const judged = arrivals.map((arrival): CheckInResult => {
      const row = rows.get(arrival.machine);
      const own = described.get(arrival);
      if (row === undefined || own === undefined)
        return { ok: false, error: new ServiceError('not-authenticated') };
      const judgement = judgeCheckIn(row, arrival.request);
      if (judgement === 'check-in-replayed' || judgement === 'machine-cloned') {
        batch.addConflict(row.id, judgement);
        return { ok: false, error: conflictError(judgement) };
      }
      const level = before.get(row.patchLevelId) ?? own.level;
      const events = listEvents(
        { ...row, level },
        {
          sequence: arrival.request.sequence,
          fingerprint: arrival.request.identity.fingerprint,
          report: arrival.request.report,
          level: own.level,
        },
      );
      batch.add(row, arrival.request, made.find(row.organisationId, own.hash), events);
      return recorded(row, arrival.request, events);
    });
    await batch.write(transaction);
    await announceChanged(transaction, judged);
    return judged;
  });
  if (resolved !== undefined) levels.remember(resolved);
  return results;
}

/** A machine that reports what it reported before is no news to anybody. */
async function announceChanged(orm: Pick<Orm, 'execute'>, judged: readonly CheckInResult[]): Promise<void> {
  const changed = new Map<string, string[]>();
  for (const result of judged) {
    if (!result.ok || result.events.length === 0) continue;
    const { organisationId, machine } = result;
    changed.set(organisationId, [...(changed.get(organisationId) ?? []), machine]);
  }
  for (const [organisation, ids] of changed) await announce(orm, organisation, 'machines', ids);
}

function recorded(
  row: MachineRow,
  { report }: CheckInRequest,
  events: readonly MachineEvent[],
): RecordedCheckIn {
  const { organisationId, state, group, ring, mode, checkInSeconds, windows } = row;
  return {
    ok: true,
    machine: row.id,
    organisationId,
    state,
    group,
    ring,
    mode,
    checkInSeconds,
    windows,
    catalogueVersion: Number(row.catalogueVersion),
    buildId: report.kernel.buildId,
    reported: report.updates.map(({ id }) => id),
    events,
  };
}

function conflictError(judgement: Extract<CheckInJudgement, 'check-in-replayed' | 'machine-cloned'>) {
  const message =
    judgement === 'machine-cloned'
      ? 'another machine uses the token of this one: most likely one is a copy of the other; run "resplice register" on the copy'
      : 'this check-in was acknowledged before: most likely the machine was restored from a snapshot; run "resplice register" on it';
  return new ServiceError(judgement, message);
}

function isGenuine(arrival: ArrivedCheckIn, row: MachineRow | undefined): boolean {
  return row !== undefined && row.tokenHash === hashCredential(arrival.token);
}

function describe(arrival: ArrivedCheckIn, rows: ReadonlyMap<string, MachineRow>) {
  const level: PatchLevel = patchLevelOf(arrival.request.report);
  return {
    organisationId: rows.get(arrival.machine)?.organisationId ?? '',
    hash: hashPatchLevel(level),
    level,
  };
}

/** In the order of their ids, so that two batches that share machines wait for each other instead of both for ever. */
async function lockMachines(
  orm: Pick<Orm, 'execute'>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, MachineRow & Changing>> {
  const unique = [...new Set(ids)].sort();
  const rows = await selectRows<MachineRow & Changing>(
    orm,
    sql`select m.id, m.organisation_id "organisationId", m.token_hash "tokenHash", m.state, m.sequence, m.nonce, m.fingerprint,
          m.boot_id "bootId", m.health, m.disabled, m.patch_level_id "patchLevelId", m.report_hash "reportHash",
          g.name "group", g.ring, g.mode, o.check_in_seconds "checkInSeconds",
          coalesce(g.windows, o.windows) windows, (select version from catalogue_state where id = 1) "catalogueVersion"
        from machines m join organisations o on o.id = m.organisation_id left join groups g on g.id = m.group_id
        where m.id = any(${sql.param(unique)}::uuid[]) order by m.id for update of m`,
  );
  return new Map(
    rows.map((row) => [
      row.id,
      { ...row, sequence: Number(row.sequence), patchLevelId: Number(row.patchLevelId) },
    ]),
  );
}

/** The report without what differs each time. */
export function hashReport(report: CheckInRequest['report']): string {
  return createHash('sha256')
    .update(JSON.stringify({ ...report, uptimeSeconds: 0 }))
    .digest('base64url');
}

class BatchWrites {
  readonly #machines = new Map<string, Write>();
  readonly #reports = new Map<string, unknown>();
  readonly #events: { readonly id: string; readonly event: MachineEvent }[] = [];
  readonly #conflicts = new Map<string, string>();

  constructor(private readonly now: Date) {}

  add(row: MachineRow & Changing, request: CheckInRequest, level: number, events: readonly MachineEvent[]) {
    const { report, identity, sequence, nonce } = request;
    const reportHash = hashReport(report);
    if (reportHash !== row.reportHash) this.#reports.set(row.id, report);
    for (const event of events) this.#events.push({ id: row.id, event });
    const changing: Changing = {
      sequence,
      nonce,
      fingerprint: identity.fingerprint,
      bootId: report.bootId,
      health: report.health.state,
      disabled: report.disabled,
      patchLevelId: level,
      reportHash,
    };
    Object.assign(row, changing);
    this.#machines.set(row.id, {
      ...changing,
      id: row.id,
      hostname: report.hostname ?? null,
      client: report.client,
      uptimeSeconds: report.uptimeSeconds,
    });
  }

  addConflict(id: string, code: 'check-in-replayed' | 'machine-cloned'): void {
    if (!this.#conflicts.has(id)) this.#events.push({ id, event: { kind: 'conflict', detail: { code } } });
    this.#conflicts.set(id, code);
  }

  async write(orm: Pick<Orm, 'execute'>): Promise<void> {
    const at = this.now.toISOString();
    if (this.#machines.size > 0) {
      await orm.execute(
        sql`update machines m set sequence = x.sequence, nonce = x.nonce, fingerprint = x.fingerprint, boot_id = x."bootId",
              health = x.health, disabled = x.disabled, patch_level_id = x."patchLevelId", report_hash = x."reportHash",
              hostname = x.hostname, client = x.client, uptime_seconds = x."uptimeSeconds", last_seen_at = ${at}::timestamptz
            from jsonb_to_recordset(${JSON.stringify([...this.#machines.values()])}::jsonb) as x(id uuid, sequence bigint,
              nonce text, fingerprint text, "bootId" text, health text, disabled text, "patchLevelId" bigint,
              "reportHash" text, hostname text, client text, "uptimeSeconds" bigint)
            where m.id = x.id`,
      );
    }
    if (this.#reports.size > 0) {
      const reports = [...this.#reports].map(([id, report]) => ({ id, report }));
      await orm.execute(
        sql`insert into machine_reports (machine_id, at, report)
            select x.id, ${at}::timestamptz, x.report
              from jsonb_to_recordset(${JSON.stringify(reports)}::jsonb) as x(id uuid, report jsonb)
            on conflict (machine_id) do update set at = excluded.at, report = excluded.report`,
      );
    }
    await writeEvents(orm, this.#events, at);
    if (this.#conflicts.size > 0) {
      const conflicts = [...this.#conflicts].map(([id, code]) => ({ id, code }));
      await orm.execute(
        sql`update machines m set conflict = x.code, conflict_at = ${at}::timestamptz
            from jsonb_to_recordset(${JSON.stringify(conflicts)}::jsonb) as x(id uuid, code text) where m.id = x.id`,
      );
    }
  }
}

export async function writeEvents(
  orm: Pick<Orm, 'execute'>,
  events: readonly { readonly id: string; readonly event: MachineEvent }[],
  at: string,
): Promise<void> {
  if (events.length === 0) return;
  const rows = events.map(({ id, event }) => ({ id, ...event }));
  await orm.execute(
    sql`insert into machine_events (machine_id, at, kind, detail)
        select x.id, ${at}::timestamptz, x.kind, x.detail
          from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as x(id uuid, kind text, detail jsonb)`,
  );
}
