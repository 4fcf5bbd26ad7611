// Machines for administrators: list, filter, detail, authorise, regroup, tag, hide, remove.

import { DesiredState, MachineReport } from '@resplice/protocol';
import { desc, eq } from 'drizzle-orm';
import { z } from 'zod';
import { accessKeys, machineEvents, machineReports, machines } from '../../database/schema.js';
import { notFound } from '../../failure.js';
import { changeMachines, removeMachine } from '../../machine/machine-change.js';
import { inspectMachine, type LevelView, listMachines, type MachineRow } from '../../machine/machine-view.js';
import type { Service } from '../../service.js';
import type { App } from '../app.js';
import {
  answers,
  changerOf,
  DONE,
  Done,
  Identified,
  iso,
  isoOrNull,
  Moment,
  Name,
  readerOf,
} from '../route-parts.js';

const State = z.enum(['pending', 'active', 'denied']);
const Flag = z.stringbool();

export const Machine = z.object({
  machine: z.uuid(),
  hostname: z.string().nullable(),
  state: State,
  status: z.enum(['uptodate', 'outofdate', 'unsupported']),
  hidden: z.boolean(),
  group: z.string().nullable(),
  ring: z.number(),
  tags: z.array(z.string()),
  kernel: z.object({ release: z.string(), version: z.string(), buildId: z.string() }),
  effective: z.string(),
  applied: z.number(),
  missing: z.number(),
  health: z.enum(['good', 'watching', 'bad']),
  disabled: z.string().nullable(),
  conflict: z.string().nullable(),
  silent: z.boolean(),
  client: z.string(),
  registeredAt: Moment,
  lastSeenAt: Moment,
});

const MachineDetail = Machine.extend({
  conflictAt: Moment.nullable(),
  accessKey: z.string().nullable(),
  checkIns: z.number(),
  reportAt: Moment,
  report: MachineReport,
  desired: DesiredState,
  missingUpdates: z.array(z.object({ id: z.string(), description: z.string(), cves: z.array(z.string()) })),
  events: z.array(z.object({ at: Moment, kind: z.string(), detail: z.record(z.string(), z.unknown()) })),
});

const Filter = z.object({
  status: z.enum(['uptodate', 'outofdate', 'unsupported']).optional(),
  state: State.optional(),
  group: z.string().max(100).optional().describe('empty: machines without a group'),
  tag: z.string().max(100).optional(),
  health: z.enum(['good', 'watching', 'bad']).optional(),
  hidden: z.enum(['yes', 'no', 'all']).optional(),
  conflict: Flag.optional(),
  silent: Flag.optional(),
  kernel: z.string().max(100).optional().describe('beginning of uname -r'),
  search: z.string().max(100).optional().describe('part of the host name, or beginning of the uuid'),
  update: z.string().max(40).optional(),
  updateState: z.enum(['applied', 'available', 'refused', 'failed', 'withdrawn']).optional(),
  cve: z.string().max(40).optional(),
  cveState: z.enum(['open', 'fixed']).optional(),
});

const Change = z
  .object({
    state: State,
    group: Name.nullable().describe('null: no group; one that does not exist is made'),
    tags: z.array(Name).max(50),
    hidden: z.boolean(),
  })
  .partial()
  .refine((change) => Object.keys(change).length > 0, 'nothing is to be changed');

export function addMachineRoutes(app: App, service: Service): void {
  app.get(
    '/api/v1/machines',
    {
      config: { need: 'read' },
      schema: {
        summary: 'machines, filtered, a page at a time',
        querystring: Filter.extend({
          after: z.uuid().optional().describe('`next` of the page before'),
          limit: z.coerce.number().int().min(1).max(500).default(50),
        }),
        response: answers(
          z.object({ machines: z.array(Machine), total: z.number(), next: z.uuid().nullable() }),
          'request-malformed',
        ),
      },
    },
    async (request) => {
      const { after, limit, ...filter } = request.query;
      const reader = await readerOf(service, request);
      const { rows, views, total, next } = await listMachines(reader, filter, { after, limit });
      return { machines: rows.map((row) => renderMachine(row, views.get(row.patchLevelId))), total, next };
    },
  );

  app.get(
    '/api/v1/machines/:id',
    {
      config: { need: 'read' },
      schema: { summary: 'one machine', params: Identified, response: answers(MachineDetail, 'not-found') },
    },
    async (request) => describeMachine(service, request),
  );

  app.patch(
    '/api/v1/machines/:id',
    {
      config: { need: 'machines' },
      schema: {
        summary: 'authorise or deny, regroup, tag, hide',
        params: Identified,
        body: Change,
        response: answers(Done, 'not-found'),
      },
    },
    async (request) => {
      await changeMachines(changerOf(service, request), [request.params.id], request.body);
      return DONE;
    },
  );

  app.post(
    '/api/v1/machines/change',
    {
      config: { need: 'machines' },
      schema: {
        summary: 'the same for several machines',
        body: z.object({ machines: z.array(z.uuid()).min(1).max(5000), change: Change }),
        response: answers(z.object({ changed: z.number() }), 'not-found'),
      },
    },
    async (request) => {
      const { machines: ids, change } = request.body;
      return { changed: (await changeMachines(changerOf(service, request), ids, change)).length };
    },
  );

  app.delete(
    '/api/v1/machines/:id',
    {
      config: { need: 'machines' },
      schema: {
        summary: 'remove a machine; it can register again',
        params: Identified,
        response: answers(Done, 'not-found'),
      },
    },
    async (request) => {
      await removeMachine(changerOf(service, request), request.params.id);
      return DONE;
    },
  );
}

async function describeMachine(
  service: Service,
  request: Parameters<typeof readerOf>[1] & { readonly params: { readonly id: string } },
): Promise<z.infer<typeof MachineDetail>> {
  const { orm } = service.database;
  const reader = await readerOf(service, request);
  const found = await inspectMachine(reader, request.params.id);
  if (found === undefined) throw notFound('machine');
  const { row, view, desired } = found;
  const [stored] = await orm.select().from(machineReports).where(eq(machineReports.machineId, row.id));
  const [key] = await orm
    .select({ name: accessKeys.name })
    .from(machines)
    .innerJoin(accessKeys, eq(accessKeys.id, machines.accessKeyId))
    .where(eq(machines.id, row.id));
  const events = await orm
    .select()
    .from(machineEvents)
    .where(eq(machineEvents.machineId, row.id))
    .orderBy(desc(machineEvents.id))
    .limit(100);
  return {
    ...renderMachine(row, view),
    conflictAt: isoOrNull(row.conflictAt),
    accessKey: key?.name ?? null,
    checkIns: row.sequence,
    reportAt: iso(stored?.at ?? row.registeredAt),
    report: MachineReport.parse(stored?.report),
    desired,
    missingUpdates: view.missing.map(({ updateId: id, description, cves }) => ({ id, description, cves })),
    events: events.map(({ at, kind, detail }) => ({ at: iso(at), kind, detail: { ...detail } })),
  };
}

function renderMachine(row: MachineRow, view: LevelView | undefined): z.infer<typeof Machine> {
  const level = view?.level;
  return {
    machine: row.id,
    hostname: row.hostname,
    state: row.state,
    status: view?.status ?? 'unsupported',
    hidden: row.hidden,
    group: row.group,
    ring: row.ring,
    tags: [...row.tags],
    kernel: {
      release: level?.kernelRelease ?? '',
      version: level?.kernelVersion ?? '',
      buildId: level?.buildId ?? '',
    },
    effective: level?.effectiveRelease ?? '',
    applied: view?.applied.length ?? 0,
    missing: view?.missing.length ?? 0,
    health: row.health,
    disabled: row.disabled,
    conflict: row.conflict,
    silent: row.silent,
    client: row.client,
    registeredAt: iso(row.registeredAt),
    lastSeenAt: iso(row.lastSeenAt),
  };
}
