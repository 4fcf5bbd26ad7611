// Roll-outs by a plan, and the plans. What they do is in rollout/.

import { Name, Rollout, RolloutPlan, RolloutPlanBody, StartRollout } from '@resplice/protocol/console';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { changeRollout, type RolloutChange, startRollout } from '../../rollout/change.js';
import { listPlans, putPlan, removePlan } from '../../rollout/plan.js';
import { findRollout, listRollouts } from '../../rollout/view.js';
import type { Service } from '../../service.js';
import type { App } from '../app.js';
import { principalOf } from '../guard.js';
import { answers, authorOf, DONE, Done, Identified, readerOf } from '../route-parts.js';

const Why = z.string().trim().min(1).max(1000);
const Named = z.object({ name: Name });
const MAX_MACHINES = 2 ** 31 - 1;

export function addRolloutRoutes(app: App, service: Service): void {
  const { orm } = service.database;
  const view = async (request: FastifyRequest, id: string) =>
    (await findRollout(await readerOf(service, request), id, { now: service.now() })).view;
  const change = async (request: FastifyRequest, id: string, wanted: RolloutChange) => {
    const now = service.now();
    // Resuming overrules all of them: one that is left out would halt it again.
    const named = wanted.kind === 'resume' ? MAX_MACHINES : 0;
    const { evidence } = await findRollout(await readerOf(service, request), id, { now, named });
    const bad = evidence.signals.map(({ machine }) => machine);
    await changeRollout(orm, authorOf(request), id, wanted, { now, bad });
    await tellOfChange(service, request, id, wanted);
    return view(request, id);
  };

  app.get(
    '/api/v1/rollouts',
    {
      config: { need: 'read' },
      schema: {
        summary: 'roll-outs by a plan, the last changed first',
        querystring: z.object({
          active: z.enum(['yes', 'no']).default('no').describe('yes: only those that are not over'),
          limit: z.coerce.number().int().min(1).max(50).default(20),
        }),
        response: answers(z.object({ rollouts: z.array(Rollout) })),
      },
    },
    async (request) => {
      const { active, limit } = request.query;
      const reader = await readerOf(service, request);
      return {
        rollouts: [...(await listRollouts(reader, { active: active === 'yes', limit }, service.now()))],
      };
    },
  );

  app.post(
    '/api/v1/rollouts',
    {
      config: { need: 'rollout' },
      schema: {
        summary: 'begin the way of updates through the rings of a plan',
        body: StartRollout,
        response: answers(Rollout, 'not-found', 'conflict'),
      },
    },
    async (request) => {
      const catalogue = await service.catalogue.get(orm);
      const id = await startRollout(orm, catalogue, authorOf(request), request.body, service.now());
      return view(request, id);
    },
  );

  app.get(
    '/api/v1/rollouts/:id',
    {
      config: { need: 'read' },
      schema: {
        summary: 'one roll-out: its rings, the machines in them, and what it waits for',
        params: Identified,
        response: answers(Rollout, 'not-found'),
      },
    },
    (request) => view(request, request.params.id),
  );

  app.post(
    '/api/v1/rollouts/:id/halt',
    {
      config: { need: 'withdraw' },
      schema: {
        summary: 'halt a roll-out; machines take its updates back, or keep what they have',
        params: Identified,
        body: z.object({ why: Why, takeBack: z.boolean().default(true) }),
        response: answers(Rollout, 'not-found', 'conflict'),
      },
    },
    (request) => change(request, request.params.id, { kind: 'halt', ...request.body }),
  );

  app.post(
    '/api/v1/rollouts/:id/resume',
    {
      config: { need: 'rollout' },
      schema: {
        summary: 'go on after a halt; what machines have said against it until now is overruled',
        params: Identified,
        body: z.object({}),
        response: answers(Rollout, 'not-found', 'conflict'),
      },
    },
    (request) => change(request, request.params.id, { kind: 'resume' }),
  );

  app.post(
    '/api/v1/rollouts/:id/next',
    {
      config: { need: 'rollout' },
      schema: {
        summary: 'open the next ring now, whatever it waits for',
        params: Identified,
        body: z.object({}),
        response: answers(Rollout, 'not-found', 'conflict'),
      },
    },
    (request) => change(request, request.params.id, { kind: 'next' }),
  );

  app.post(
    '/api/v1/rollouts/:id/withdraw',
    {
      config: { need: 'withdraw' },
      schema: {
        summary: 'end a roll-out and have every machine take its updates back',
        params: Identified,
        body: z.object({ why: Why }),
        response: answers(Rollout, 'not-found', 'conflict'),
      },
    },
    (request) => change(request, request.params.id, { kind: 'withdraw', ...request.body }),
  );

  app.get(
    '/api/v1/rollout-plans',
    {
      config: { need: 'read' },
      schema: { summary: 'plans of rings', response: answers(z.object({ plans: z.array(RolloutPlan) })) },
    },
    async (request) => ({ plans: [...(await listPlans(orm, principalOf(request).organisationId))] }),
  );

  app.put(
    '/api/v1/rollout-plans/:name',
    {
      config: { need: 'rollout' },
      schema: {
        summary: 'make or replace a plan; roll-outs that are under way keep theirs',
        params: Named,
        body: RolloutPlanBody,
        response: answers(Done, 'conflict'),
      },
    },
    async (request) => {
      await putPlan(orm, authorOf(request), request.params.name, request.body);
      return DONE;
    },
  );

  app.delete(
    '/api/v1/rollout-plans/:name',
    {
      config: { need: 'rollout' },
      schema: { summary: 'remove a plan', params: Named, response: answers(Done, 'not-found', 'conflict') },
    },
    async (request) => {
      await removePlan(orm, authorOf(request), request.params.name);
      return DONE;
    },
  );
}

/** What a person did is told like what the gates did. */
async function tellOfChange(
  service: Service,
  request: FastifyRequest,
  rollout: string,
  change: RolloutChange,
): Promise<void> {
  const { organisationId, actor } = principalOf(request);
  if (change.kind === 'halt') {
    const { why, takeBack: takenBack } = change;
    await service.notifier.notify(organisationId, 'rollout.halted', [{ rollout, why, by: actor, takenBack }]);
  } else if (change.kind === 'withdraw') {
    const item = { rollout, reason: change.why, by: actor };
    await service.notifier.notify(organisationId, 'update.withdrawn', [item]);
  }
}
