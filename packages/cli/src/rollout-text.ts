// What the commands about roll-outs print for people.

import type { Rollout, RolloutPlan } from '@resplice/protocol/console';
import { alignColumns, count } from './printed-text.js';

export function renderRollouts(rollouts: readonly Rollout[]): readonly string[] {
  if (rollouts.length === 0)
    return ['no update is or was on its way by a plan; begin with "resplice rollout start"'];
  const rows = rollouts.map((rollout) => [rollout.id, describePlace(rollout), rollout.name, nextOf(rollout)]);
  return alignColumns([['ID', 'STATE', 'NAME', 'NEXT'], ...rows]);
}

export function renderRollout(rollout: Rollout): readonly string[] {
  const { id, name, updates, plan, rings, ring, halt } = rollout;
  const rows = rings.map(({ name: ringName, figures }, at) => [
    at <= ring && rollout.state !== 'waiting' ? '*' : '',
    ringName,
    ...[
      figures.machines,
      figures.good,
      figures.watching,
      figures.bad,
      figures.refused,
      figures.pending,
      figures.silent,
    ].map(String),
  ]);
  const head = ['', 'RING', 'MACHINES', 'GOOD', 'WATCHING', 'BAD', 'REFUSED', 'PENDING', 'SILENT'];
  const halted =
    halt === null
      ? []
      : [
          `halted by ${halt.by} at ${halt.at}: ${halt.why}`,
          halt.takeBack ? 'machines take its updates back' : 'machines keep what they have',
          ...halt.signals.map(({ machine, signal }) => `  ${machine}: ${signal}`),
        ];
  const next = nextOf(rollout);
  return [
    `${name}: ${describePlace(rollout)}, by the plan ${plan}  (${id})`,
    `${count(updates.length, 'update')}: ${updates.join(' ')}`,
    ...halted,
    ...(next === '' ? [] : [`next: ${next}`]),
    '',
    ...alignColumns([head, ...rows]),
  ];
}

export function renderPlans(plans: readonly RolloutPlan[]): readonly string[] {
  if (plans.length === 0) return ['there is no plan yet; make one with "resplice rollout plan NAME FILE"'];
  return plans.flatMap(({ name, rings, automatic, gates }) => [
    `${name}${automatic ? ' (automatic)' : ''}: tolerates ${gates.tolerate} machines or ${gates.toleratePercent} %`,
    ...rings.map(
      (ring) =>
        `  ${ring.name}: ${[...ring.groups, ...(ring.percent > 0 ? [`${ring.percent} %`] : [])].join(', ')}, ${ring.waitHours} h, ${count(ring.minMachines, 'machine')} in good health`,
    ),
  ]);
}

function describePlace({ state, ring, rings }: Rollout): string {
  const { name = '' } = rings[ring] ?? {};
  return state === 'rolling' || state === 'halted' ? `${state} in ${name || 'no ring'}` : state;
}

function nextOf({ next: { at, waitsFor } }: Rollout): string {
  return [...(at === null ? [] : [`not before ${at}`]), ...waitsFor].join('; ');
}
