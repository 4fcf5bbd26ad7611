// Machines for administrators: list, filter, detail, authorise, regroup, tag, hide, remove.

import { MachineReport } from '@resplice/protocol';
import {
  MachineChange,
  MachineDetail,
  MachineFilter,
  MachinePage,
  MachineSort,
  type MachineSummary,
} from '@resplice/protocol/console';
import { desc, eq } from 'drizzle-orm';
import { z } from 'zod';
import { accessKeys, machineEvents, machineReports, machines } from '../../database/schema.js';
import { notFound } from '../../failure.js';
import { changeMachines, removeMachine } from '../../machine/machine-change.js';
import { placeOf } from '../../machine/machine-place.js';
import { inspectMachine, type LevelView, listMachines, type MachineRow } from '../../machine/machine-view.js';
import type { Service } from '../../service.js';
import type { App } from '../app.js';
import { answers, changerOf, DONE, Done, Identified, iso, isoOrNull, readerOf } from '../route-parts.js';

export function addMachineRoutes(app: App, service: Service): void {
  app.get(
    '/api/v1/machines',
    {
      config: { need: 'read' },
      schema: {
        summary: 'machines, filtered, a page at a time',
        querystring: MachineFilter.extend({
          sort: MachineSort.optional(),
          order: z.enum(['asc', 'desc']).default('asc'),
          after: z.string().max(600).optional().describe('`next` of the page before'),
          limit: z.coerce.number().int().min(1).max(500).default(50),
        }),
        response: answers(MachinePage, 'request-malformed'),
      },
    },
    async (request) => {
      const { after, limit, sort, order, ...filter } = request.query;
      const reader = await readerOf(service, request);
      const { rows, views, total, next } = await listMachines(reader, filter, {
        ...{ after, limit, sort },
        descending: order === 'desc',
      });
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
        body: MachineChange,
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
        body: z.object({ machines: z.array(z.uuid()).min(1).max(5000), change: MachineChange }),
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
): Promise<MachineDetail> {
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
    place: await placeOf(reader, { id: row.id, group: row.group, buildId: view.level.buildId }, new Date()),
    missingUpdates: view.missing.map(({ updateId: id, description, cves }) => ({ id, description, cves })),
    events: events.map(({ at, kind, detail }) => ({ at: iso(at), kind, detail: { ...detail } })),
  };
}

function renderMachine(row: MachineRow, view: LevelView | undefined): MachineSummary {
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
