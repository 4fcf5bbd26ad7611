// Roll-outs by a plan, over the API of a server. All of them are one request, so they share one file.

import { readFile } from 'node:fs/promises';
import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { Rollout, RolloutPlan, RolloutPlanBody } from '@resplice/protocol/console';
import { InputError } from '@resplice/report';
import { z } from 'zod';
import { type ApiClient, newApiCommand, openApiClient, type ServerChoice } from '../api-client.js';
import { collect } from '../command.js';
import { done, type Outcome } from '../outcome.js';
import { renderPlans, renderRollout, renderRollouts } from '../rollout-text.js';
import { runSession } from '../session.js';

const Done = z.object({ done: z.literal(true) });
const WHY = 'what people and the audit log are told';

export function rolloutCommand(): CommandUnknownOpts {
  return new Command('rollout')
    .description('the way of updates through the rings of a fleet')
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(startCommand())
    .addCommand(haltCommand())
    .addCommand(changeCommand('resume', 'go on after a halt; what machines have said until now is overruled'))
    .addCommand(changeCommand('next', 'open the next ring now, whatever it waits for'))
    .addCommand(withdrawCommand())
    .addCommand(plansCommand())
    .addCommand(planCommand())
    .addCommand(removePlanCommand());
}

function newRolloutCommand(name: string, summary: string, ...examples: readonly string[]) {
  return newApiCommand(
    name,
    summary,
    examples.map((example) => `resplice rollout ${example}`),
  );
}

function listCommand() {
  return newRolloutCommand('list', 'roll-outs, the last changed first', 'list --active')
    .option('--active', 'only those that are not over')
    .action((options) =>
      ask(options, async (client) => {
        const query = options.active === true ? '?active=yes' : '';
        const { rollouts } = await client.get(`rollouts${query}`, z.object({ rollouts: z.array(Rollout) }));
        return done({ rollouts }, renderRollouts(rollouts));
      }),
    );
}

function showCommand() {
  return newRolloutCommand('show', 'one roll-out: its rings, and what it waits for', 'show ID')
    .argument('<id>')
    .action((id, options) => ask(options, async (client) => shown(await client.get(path(id), Rollout))));
}

function startCommand() {
  return newRolloutCommand(
    'start',
    'begin the way of updates through the rings of a plan',
    'start "release 6.1.176-1" --plan careful --update fix_1 --update fix_2',
  )
    .argument('<name>')
    .requiredOption('--plan <name>', 'the plan; a later change of it does not reach this roll-out')
    .option('--update <id>', 'an update; repeatable', collect)
    .option('--at <moment>', 'begin then: 2026-12-01T08:00:00Z')
    .action((name, options) =>
      ask(options, async (client) => {
        const { plan, update: updates = [], at: startsAt } = options;
        const body = { name, plan, updates, ...(startsAt === undefined ? {} : { startsAt }) };
        return shown(await client.send('POST', 'rollouts', body, Rollout));
      }),
    );
}

function haltCommand() {
  return newRolloutCommand(
    'halt',
    'halt a roll-out and have its updates taken back',
    'halt ID --why "the weekend" --keep',
  )
    .argument('<id>')
    .requiredOption('--why <text>', WHY)
    .option('--keep', 'machines that have the updates keep them')
    .action((id, options) =>
      ask(options, async (client) => {
        const body = { why: options.why, takeBack: options.keep !== true };
        return shown(await client.send('POST', `${path(id)}/halt`, body, Rollout));
      }),
    );
}

function withdrawCommand() {
  return newRolloutCommand(
    'withdraw',
    'end a roll-out and have its updates taken back',
    'withdraw ID --why "it oopses"',
  )
    .argument('<id>')
    .requiredOption('--why <text>', WHY)
    .action((id, options) =>
      ask(options, async (client) =>
        shown(await client.send('POST', `${path(id)}/withdraw`, { why: options.why }, Rollout)),
      ),
    );
}

function changeCommand(kind: 'resume' | 'next', summary: string) {
  return newRolloutCommand(kind, summary, `${kind} ID`)
    .argument('<id>')
    .action((id, options) =>
      ask(options, async (client) => shown(await client.send('POST', `${path(id)}/${kind}`, {}, Rollout))),
    );
}

function plansCommand() {
  return newRolloutCommand('plans', 'the plans and their rings', 'plans').action((options) =>
    ask(options, async (client) => {
      const { plans } = await client.get('rollout-plans', z.object({ plans: z.array(RolloutPlan) }));
      return done({ plans }, renderPlans(plans));
    }),
  );
}

function planCommand() {
  return newRolloutCommand('plan', 'make or replace a plan (docs/rollouts.md)', 'plan careful plan.json')
    .argument('<name>')
    .argument('<file>', 'JSON with the rings, and gates')
    .action((name, file, options) =>
      ask(options, async (client) => {
        await client.send('PUT', planPath(name), await readPlan(file), Done);
        return done({ plan: name }, [`the plan ${name} holds for roll-outs that begin from now on`]);
      }),
    );
}

function removePlanCommand() {
  return newRolloutCommand('remove-plan', 'remove a plan', 'remove-plan careful')
    .argument('<name>')
    .action((name, options) =>
      ask(options, async (client) => {
        await client.send('DELETE', planPath(name), undefined, Done);
        return done({ plan: name }, [`the plan ${name} is gone; roll-outs that began with it go on`]);
      }),
    );
}

/** Throws InputError `plan-not-readable`, `plan-malformed`. */
async function readPlan(file: string): Promise<z.infer<typeof RolloutPlanBody>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    const message = `${file}: the plan cannot be read; check the path and its permissions`;
    throw new InputError('plan-not-readable', message, { context: { file }, cause });
  }
  try {
    const parsed = RolloutPlanBody.safeParse(JSON.parse(text));
    if (parsed.success) return parsed.data;
    throw new Error(z.prettifyError(parsed.error));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `${file}: is no plan: ${reason}; docs/rollouts.md shows one`;
    throw new InputError('plan-malformed', message, { context: { file }, cause });
  }
}

function ask(
  options: ServerChoice & { readonly json?: true | undefined },
  work: (client: ApiClient) => Promise<Outcome>,
): Promise<void> {
  return runSession(options, async ({ signal }) => work(await openApiClient(options, signal)));
}

function shown(rollout: Rollout): Outcome {
  return done({ rollout }, renderRollout(rollout));
}

function path(id: string): string {
  return `rollouts/${encodeURIComponent(id)}`;
}

function planPath(name: string): string {
  return `rollout-plans/${encodeURIComponent(name)}`;
}
