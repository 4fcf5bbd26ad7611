// Candidates as people look at them: a list with filters, and one with everything that a decision needs.

import {
  type CandidateDetail,
  type CandidatePage,
  type CandidateQuery,
  type CandidateRow,
  type CandidateState,
  ConversionDetail,
} from '@resplice/protocol/factory';
import { eq, type SQL, sql } from 'drizzle-orm';
import type { ArtefactStore } from '../artefact/artefact-store.js';
import { type Orm, selectRows } from '../database/database.js';
import { organisations } from '../database/schema.js';
import { notFound, ServiceError } from '../failure.js';
import { artefactName, readArtefact } from './artefact-name.js';
import type { CandidateRecord } from './candidate-change.js';
import { type CandidateEvent, TRANSITIONS } from './candidate-state.js';
import {
  factoryCandidates,
  factoryHistory,
  factoryReleases,
  factoryReviews,
  factoryTests,
  factoryUnits,
} from './tables.js';

/** The most urgent first. */
export async function listCandidates(
  orm: Orm,
  organisationId: string,
  query: CandidateQuery,
): Promise<CandidatePage> {
  const where = whereOf(organisationId, query);
  const rows = await selectRows<SelectedRow>(
    orm,
    sql`${SELECT_ROWS} where ${where} ${behind(query.after)} order by c.priority desc, u.name, c.id limit ${query.limit + 1}`,
  );
  const [{ total } = { total: 0 }] = await selectRows<{ total: number }>(
    orm,
    sql`select count(*)::int total from factory_candidates c join factory_units u on u.id = c.unit_id where ${where}`,
  );
  const shown = rows.slice(0, query.limit);
  const last = shown.at(-1);
  const next = rows.length <= query.limit || last === undefined ? null : cursorOf(last);
  return { candidates: shown.map(viewRow), total, next };
}

/** Throws ServiceError `not-found`. */
export async function showCandidate(
  orm: Orm,
  artefacts: ArtefactStore,
  organisationId: string,
  id: string,
): Promise<CandidateDetail> {
  const [row] = await selectRows<SelectedRow>(
    orm,
    sql`${SELECT_ROWS} where c.organisation_id = ${organisationId} and c.id = ${id}`,
  );
  const [record] = await orm.select().from(factoryCandidates).where(eq(factoryCandidates.id, id));
  if (row === undefined || record === undefined) throw notFound('candidate');
  const [unit] = await orm.select().from(factoryUnits).where(eq(factoryUnits.id, record.unitId));
  const [release] = await orm.select().from(factoryReleases).where(eq(factoryReleases.id, record.releaseId));
  if (unit === undefined || release === undefined) throw notFound('candidate');
  const [settings] = await orm
    .select({ approvals: organisations.approvals })
    .from(organisations)
    .where(eq(organisations.id, organisationId));
  const diff = await readArtefact(artefacts, organisationId, 'patch', unit.sha256);
  return {
    ...viewRow(row),
    release: { id: release.id, title: release.title, from: release.fromVersion, to: release.toVersion },
    unitDetail: {
      subjects: unit.subjects.map((each) => ({ ...each })),
      cves: unit.cves.map((each) => ({ ...each })),
      joined: [...unit.joined],
      diff: diff?.toString('utf8') ?? '',
    },
    reasons: record.reasons.map((each) => ({ ...each })),
    requiresUnloaded: [...record.requiresUnloaded],
    waitingFor: record.waitingFor,
    detail: await readDetail(artefacts, record),
    update: viewUpdate(record),
    customCode: record.customCode,
    probe: unit.probe,
    reviewSha256: record.reviewSha256,
    approvalsNeeded: settings?.approvals ?? 1,
    ...(await readPast(orm, record)),
    actions: listActions(record),
  };
}

async function readDetail(
  artefacts: ArtefactStore,
  { organisationId, detailSha256 }: CandidateRecord,
): Promise<ConversionDetail | null> {
  if (detailSha256 === null) return null;
  const bytes = await readArtefact(artefacts, organisationId, 'detail', detailSha256);
  return bytes === undefined ? null : ConversionDetail.parse(JSON.parse(bytes.toString('utf8')));
}

function viewUpdate(record: CandidateRecord): CandidateDetail['update'] {
  const { updateId: id, updateLength: length, updateSha256: sha256, engine } = record;
  if (id === null || length === null || sha256 === null || engine === null) return null;
  return { id, length, sha256, engine, artefact: artefactName('update', sha256) };
}

async function readPast(
  orm: Orm,
  { id, reviewSha256 }: CandidateRecord,
): Promise<Pick<CandidateDetail, 'tests' | 'reviews' | 'history'>> {
  const tests = await orm
    .select()
    .from(factoryTests)
    .where(eq(factoryTests.candidateId, id))
    .orderBy(factoryTests.id);
  const reviews = await orm
    .select()
    .from(factoryReviews)
    .where(eq(factoryReviews.candidateId, id))
    .orderBy(factoryReviews.id);
  const history = await orm
    .select()
    .from(factoryHistory)
    .where(eq(factoryHistory.candidateId, id))
    .orderBy(factoryHistory.id);
  return {
    tests: tests.map(({ at, beside, probe, updateSha256, candidateId: _, ...rest }) => ({
      ...rest,
      at: at.toISOString(),
      with: [...beside],
      probe: [...probe],
      sha256: updateSha256,
    })),
    reviews: reviews.map(({ candidateId: _, userId: __, at, ...rest }) => ({
      ...rest,
      at: at.toISOString(),
      counts: rest.decision === 'approve' && rest.sha256 === reviewSha256,
    })),
    history: history.map(({ at, fromState, toState, who, why }) => ({
      at: at.toISOString(),
      from: fromState as CandidateState | null,
      to: toState as CandidateState,
      who,
      why,
    })),
  };
}

const ACTIONS: Readonly<Record<CandidateDetail['actions'][number], CandidateEvent>> = {
  approve: 'approved',
  'send-back': 'send-back',
  refuse: 'refuse',
  'custom-code': 'change-code',
  probe: 'change-probe',
  retry: 'retry',
  cancel: 'cancel',
  withdraw: 'withdraw',
};

function listActions({ state }: CandidateRecord): CandidateDetail['actions'] {
  const moves = TRANSITIONS[state as CandidateState];
  const names = Object.keys(ACTIONS) as CandidateDetail['actions'];
  // Its own worker may give it back; people cancel it first.
  return names.filter(
    (name) => moves[ACTIONS[name]] !== undefined && !(name === 'retry' && state === 'converting'),
  );
}

interface SelectedRow {
  readonly id: string;
  readonly releaseId: string;
  readonly unit: string;
  readonly files: readonly string[];
  readonly cves: readonly string[];
  readonly severity: CandidateRow['severity'];
  readonly exploited: boolean;
  readonly priority: number;
  readonly kernelRelease: string;
  readonly kernelVersion: string;
  readonly buildId: string | null;
  readonly state: CandidateState;
  readonly verdict: CandidateRow['verdict'];
  readonly reason: string | null;
  readonly functions: number;
  readonly approvals: number;
  readonly changedAt: Date | string;
}

const SELECT_ROWS = sql`
  select c.id, c.release_id "releaseId", u.name unit, u.files, c.priority, c.state, c.verdict, c.functions,
    array(select distinct t->>'cve' from jsonb_array_elements(u.cves) t order by 1) cves,
    (select p.severity from factory_priorities p where p.organisation_id = c.organisation_id and p.severity is not null
       and p.cve in (select t->>'cve' from jsonb_array_elements(u.cves) t)
     order by array_position(array['critical', 'high', 'medium', 'low'], p.severity) limit 1) severity,
    exists (select from factory_priorities p where p.organisation_id = c.organisation_id and p.exploited
       and p.cve in (select t->>'cve' from jsonb_array_elements(u.cves) t)) exploited,
    c.kernel_release "kernelRelease", c.kernel_version "kernelVersion", c.build_id "buildId",
    c.reasons->0->>'code' reason, c.changed_at "changedAt",
    (select count(distinct r.user_id)::int from factory_reviews r
     where r.candidate_id = c.id and r.decision = 'approve' and r.sha256 = c.review_sha256) approvals
  from factory_candidates c join factory_units u on u.id = c.unit_id`;

function viewRow(row: SelectedRow): CandidateRow {
  const { kernelRelease: release, kernelVersion: version, buildId, changedAt, ...rest } = row;
  return {
    ...rest,
    files: [...row.files],
    cves: [...row.cves],
    kernel: { release, version, buildId },
    changedAt: new Date(changedAt).toISOString(),
  };
}

function whereOf(organisationId: string, { release, kernel, state, cve, q }: CandidateQuery): SQL {
  const conditions: SQL[] = [sql`c.organisation_id = ${organisationId}`];
  if (release !== undefined) conditions.push(sql`c.release_id = ${release}`);
  if (kernel !== undefined)
    conditions.push(
      sql`(c.kernel_release = ${kernel} or c.kernel_release || '=' || c.kernel_version = ${kernel})`,
    );
  if (state !== undefined) conditions.push(sql`c.state = any(${sql.param(state)}::text[])`);
  if (cve !== undefined)
    conditions.push(sql`u.cves @> ${JSON.stringify([{ cve: cve.toUpperCase() }])}::jsonb`);
  if (q !== undefined) {
    const part = `%${q.replace(/[\\%_]/g, '\\$&')}%`;
    conditions.push(sql`(u.name ilike ${part} or u.files::text ilike ${part} or u.cves::text ilike ${part})`);
  }
  return sql.join(conditions, sql` and `);
}

/** `PRIORITY UNIT ID` of the last row of a page. */
function cursorOf({ priority, unit, id }: SelectedRow): string {
  return Buffer.from(JSON.stringify([priority, unit, id])).toString('base64url');
}

function behind(after: string | undefined): SQL {
  if (after === undefined) return sql``;
  const [priority, unit, id] = parseCursor(after);
  return sql`and (c.priority < ${priority} or c.priority = ${priority} and (u.name, c.id::text) > (${unit}, ${id}))`;
}

function parseCursor(text: string): readonly [number, string, string] {
  try {
    const [priority, unit, id] = JSON.parse(Buffer.from(text, 'base64url').toString()) as unknown[];
    if (Number.isSafeInteger(priority)) return [Number(priority), String(unit), String(id)];
  } catch {
    // Not one of ours; said below.
  }
  throw new ServiceError('request-malformed', '"after" is not the "next" of a page');
}
