// The REST interface of Ksplice Uptrack, version 1, with its addresses and field names: scripts that were written for it need another
// host and key, nothing else. `X-Uptrack-Key` takes an API token (see http/guard.ts); `X-Uptrack-User` is not needed.
// What it never had (filters, pages, health, CVEs) is in /api/v1 only.

import { z } from 'zod';
import { notFound } from '../../failure.js';
import { changeMachines } from '../../machine/machine-change.js';
import { inspectMachine, type LevelView, listMachines, type MachineRow } from '../../machine/machine-view.js';
import type { Service } from '../../service.js';
import type { App } from '../app.js';
import { answers, changerOf, iso, Moment, Name, readerOf } from '../route-parts.js';

const AUTHORIZATION = { active: 'allowed', denied: 'denied', pending: 'pending' } as const;

const Machine = z.object({
  uuid: z.uuid(),
  hostname: z.string().nullable(),
  last_seen: Moment,
  active: z.boolean(),
  status: z.enum(['outofdate', 'unsupported', 'uptodate']),
  authorization: z.enum(['allowed', 'denied', 'pending']),
  autoinstall: z.boolean().nullable(),
  uptrack_client_version: z.string(),
});

const Named = z.object({ ID: z.string(), Name: z.string() });
const Step = z.tuple([z.enum(['Install', 'Remove']), Named]);
const Description = Machine.extend({
  effective_kernel: z.string(),
  original_kernel: z.string(),
  group: z.string(),
  installed_updates: z.array(Named),
  steps: z.array(Step),
});

const Params = z.object({ uuid: z.uuid() });

export function addKspliceRoutes(app: App, service: Service): void {
  app.get(
    '/api/1/machines',
    {
      config: { need: 'read' },
      schema: {
        summary: 'all machines that are not hidden, as Ksplice Uptrack lists them',
        response: answers(z.array(Machine)),
      },
    },
    async (request) => {
      const reader = await readerOf(service, request);
      const all: z.infer<typeof Machine>[] = [];
      let after: string | undefined;
      do {
        const page = await listMachines(reader, {}, { after, limit: 5000 });
        for (const row of page.rows) all.push(render(row, page.views.get(row.patchLevelId)));
        after = page.next ?? undefined;
      } while (after !== undefined);
      return all;
    },
  );

  app.get(
    '/api/1/machine/:uuid/describe',
    {
      config: { need: 'read' },
      schema: {
        summary: 'one machine, and what it will do',
        params: Params,
        response: answers(Description, 'not-found'),
      },
    },
    async (request) => {
      const reader = await readerOf(service, request);
      const found = await inspectMachine(reader, request.params.uuid);
      if (found === undefined) throw notFound('machine');
      const { row, view } = found;
      const { level } = view;
      const { except, remove } = found.desired;
      const names = new Map(
        reader.catalogue.updates.map(({ updateId, description }) => [updateId, description]),
      );
      const named = (id: string) => ({
        ID: id,
        Name: names.get(id) ?? level.updates.find((update) => update.id === id)?.name ?? id,
      });
      const step = (what: 'Install' | 'Remove', id: string): z.infer<typeof Step> => [what, named(id)];
      const install =
        row.state === 'active' ? view.missing.filter(({ updateId }) => !except.includes(updateId)) : [];
      return {
        ...render(row, view),
        effective_kernel: level.effectiveRelease,
        original_kernel: level.kernelRelease,
        group: row.group ?? '',
        installed_updates: view.applied.map(named),
        steps: [
          ...remove.filter((id) => view.applied.includes(id)).map((id) => step('Remove', id)),
          ...install.map(({ updateId }) => step('Install', updateId)),
        ],
      };
    },
  );

  app.post(
    '/api/1/machine/:uuid/authorize',
    {
      config: { need: 'machines' },
      schema: {
        summary: 'allow or deny a machine',
        params: Params,
        body: z.object({ authorized: z.boolean() }),
        response: answers(z.object({}), 'not-found'),
      },
    },
    async (request) => {
      const state = request.body.authorized ? 'active' : 'denied';
      await changeMachines(changerOf(service, request), [request.params.uuid], { state });
      return {};
    },
  );

  app.post(
    '/api/1/machine/:uuid/group',
    {
      config: { need: 'machines' },
      schema: {
        summary: 'put a machine into a group, which is made when there is none; an empty name takes it out',
        params: Params,
        body: z.object({ group_name: z.union([z.literal(''), Name]) }),
        response: answers(z.object({}), 'not-found'),
      },
    },
    async (request) => {
      await changeMachines(changerOf(service, request), [request.params.uuid], {
        group: request.body.group_name,
      });
      return {};
    },
  );
}

function render(row: MachineRow, view: LevelView | undefined): z.infer<typeof Machine> {
  return {
    uuid: row.id,
    hostname: row.hostname,
    last_seen: iso(row.lastSeenAt),
    active: !row.silent,
    status: view?.status ?? 'unsupported',
    authorization: AUTHORIZATION[row.state],
    autoinstall: row.mode === null ? null : row.mode === 'install',
    uptrack_client_version: row.client,
  };
}
