// The way of updates through the rings, as it is now: each ring with its machines, what the next one waits for, and why one was halted.

import type { Rollout, RolloutPlan } from '@resplice/protocol/console';
import { useQuery } from '../../api/use-query.js';
import { useSession } from '../../session.js';
import { Empty, Loaded } from '../../ui/loaded.js';
import { Since } from '../../ui/moment.js';
import { Page, Section } from '../../ui/page.js';
import { Pill, type Tone } from '../../ui/pill.js';
import { MakePlan, PlanList } from './plans.js';
import { RingPicture } from './ring-picture.js';
import { StartRollout } from './start-rollout.js';

export const STATE: Readonly<Record<Rollout['state'], readonly [string, Tone]>> = {
  waiting: ['Waiting', 'quiet'],
  rolling: ['Rolling', 'info'],
  halted: ['Halted', 'bad'],
  everywhere: ['Everywhere', 'good'],
  withdrawn: ['Withdrawn', 'bad'],
};

export function stateText({ state, ring, rings }: Rollout): string {
  const at = rings[ring];
  return state === 'rolling' && at !== undefined
    ? `Ring ${ring + 1} of ${rings.length}: ${at.name}`
    : STATE[state][0];
}

export function RolloutsPage() {
  const session = useSession();
  const rollouts = useQuery<{ rollouts: readonly Rollout[] }>('/rollouts?limit=20', ['rollouts', 'machines']);
  const plans = useQuery<{ plans: readonly RolloutPlan[] }>('/rollout-plans', ['rollouts']);
  const may = session.can('rollout');
  return (
    <Page
      title="Roll-outs"
      lead="Updates go from ring to ring. Machines' health opens each gate; a bad signal halts the roll-out and takes the updates back."
      actions={may && <StartRollout plans={plans.data?.plans ?? []} />}
    >
      <Loaded query={rollouts}>
        {(data) =>
          data.rollouts.length === 0 ? (
            <section class="panel">
              <Empty title="No roll-out yet">
                Make a plan of rings below, then begin one; or let published updates take the automatic plan
                (Settings).
              </Empty>
            </section>
          ) : (
            data.rollouts.map((rollout) => <OneRollout key={rollout.id} rollout={rollout} />)
          )
        }
      </Loaded>
      <Section
        title="Plans"
        note="changes do not reach roll-outs that are under way"
        actions={may && <MakePlan />}
      >
        <Loaded query={plans}>
          {(data) =>
            data.plans.length === 0 ? (
              <Empty title="No plan yet">Such as: canary machines, then a tenth, then everybody.</Empty>
            ) : (
              <PlanList plans={data.plans} may={may} />
            )
          }
        </Loaded>
      </Section>
    </Page>
  );
}

function OneRollout({ rollout }: { readonly rollout: Rollout }) {
  return (
    <Section
      title={rollout.name}
      note={
        <span class="row-of">
          <Pill tone={STATE[rollout.state][1]}>{stateText(rollout)}</Pill>
          <span>
            {rollout.updates.length} {rollout.updates.length === 1 ? 'update' : 'updates'}, plan{' '}
            {rollout.plan}, changed <Since at={rollout.changedAt} />
          </span>
        </span>
      }
      actions={
        <a class="button small" href={`/rollouts/${rollout.id}`}>
          Open<span class="hidden"> {rollout.name}</span>
        </a>
      }
    >
      <div class="panel-body">
        <RingPicture rollout={rollout} />
      </div>
    </Section>
  );
}
