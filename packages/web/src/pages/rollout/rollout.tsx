import type { Rollout } from '@resplice/protocol/console';
import { useState } from 'preact/hooks';
import { ask } from '../../api/client.js';
import { useQuery } from '../../api/use-query.js';
import { useSession } from '../../session.js';
import { CreateDialog } from '../../ui/create-dialog.js';
import { ActionButton } from '../../ui/dialog.js';
import { TextField } from '../../ui/form.js';
import { Loaded } from '../../ui/loaded.js';
import { exactText, Since } from '../../ui/moment.js';
import { Page, Section } from '../../ui/page.js';
import { Pill } from '../../ui/pill.js';
import { Table } from '../../ui/table.js';
import { RingPicture } from './ring-picture.js';
import { STATE, stateText } from './rollouts.js';

const UP = { href: '/rollouts', title: 'Roll-outs' };

const SIGNALS = {
  'bad-health': 'its kernel complains',
  'crash-loop': 'it crashed and switched updates off',
  failed: 'the update failed',
  lost: 'it was never heard of again',
} as const;

export function RolloutPage({ id }: { readonly id: string }) {
  const path = `/rollouts/${encodeURIComponent(id)}`;
  const query = useQuery<Rollout>(path, ['rollouts', 'machines']);
  const { data } = query;
  return (
    <Page
      title={data?.name ?? 'Roll-out'}
      up={UP}
      lead={
        data !== undefined && (
          <span class="row-of">
            <Pill tone={STATE[data.state][1]}>{stateText(data)}</Pill>
            plan {data.plan}, by {data.changedBy}
          </span>
        )
      }
      actions={data !== undefined && <Actions rollout={data} path={path} />}
    >
      <Loaded query={query}>
        {(rollout) => (
          <>
            {rollout.halt !== null && <Halt halt={rollout.halt} />}
            <Section title="Rings">
              <div class="panel-body">
                <RingPicture rollout={rollout} />
              </div>
            </Section>
            <Facts rollout={rollout} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Actions({ rollout, path }: { readonly rollout: Rollout; readonly path: string }) {
  const session = useSession();
  const { state } = rollout;
  const over = state === 'withdrawn';
  return (
    <>
      {session.can('rollout') && (state === 'waiting' || state === 'rolling') && (
        <ActionButton
          label="Open the next ring"
          question={{
            title: 'Open the next ring now?',
            text: (
              <p>
                {rollout.next.waitsFor.length > 0
                  ? `It waits for: ${rollout.next.waitsFor.join('; ')}. That is then passed over.`
                  : 'Its waiting time is then passed over.'}
              </p>
            ),
            yes: 'Open it',
          }}
          done="The next ring is open"
          work={() => ask('POST', `${path}/next`, {})}
        />
      )}
      {session.can('rollout') && state === 'halted' && (
        <ActionButton
          label="Go on"
          tone="primary"
          question={{
            title: 'Go on?',
            text: (
              <p>
                What machines have said against it until now is overruled. Those that come up later halt it
                again.
              </p>
            ),
            yes: 'Go on',
          }}
          done="The roll-out goes on"
          work={() => ask('POST', `${path}/resume`, {})}
        />
      )}
      {session.can('withdraw') && (state === 'waiting' || state === 'rolling') && <HaltButton path={path} />}
      {session.can('withdraw') && !over && <WithdrawButton path={path} />}
    </>
  );
}

function HaltButton({ path }: { readonly path: string }) {
  const [why, setWhy] = useState('');
  const [takeBack, setTakeBack] = useState(true);
  return (
    <CreateDialog
      title="Halt"
      submit="Halt"
      done="The roll-out is halted"
      work={async () => {
        await ask('POST', `${path}/halt`, { why, takeBack });
        return undefined;
      }}
    >
      <TextField label="Why" value={why} onValue={setWhy} required focus />
      <label class="choice">
        <input
          type="checkbox"
          checked={takeBack}
          onChange={(event) => setTakeBack(event.currentTarget.checked)}
        />
        <span>Machines take the updates back; else those that have them keep them</span>
      </label>
    </CreateDialog>
  );
}

function WithdrawButton({ path }: { readonly path: string }) {
  const [why, setWhy] = useState('');
  return (
    <CreateDialog
      title="Withdraw"
      submit="Withdraw from all machines"
      done="The roll-out is over; machines take its updates back"
      work={async () => {
        await ask('POST', `${path}/withdraw`, { why });
        return undefined;
      }}
    >
      <p>The roll-out ends, and every machine takes its updates back.</p>
      <TextField label="Why" value={why} onValue={setWhy} required focus />
    </CreateDialog>
  );
}

function Halt({ halt }: { readonly halt: NonNullable<Rollout['halt']> }) {
  return (
    <>
      <div class="callout bad" role="status">
        <p>
          <strong>Halted</strong> <Since at={halt.at} /> by {halt.by}: {halt.why}.{' '}
          {halt.takeBack ? 'Machines take the updates back.' : 'Machines keep what they have.'}
        </p>
      </div>
      {halt.signals.length > 0 && (
        <Section title="What spoke against it" note={`${halt.signals.length} machines`}>
          <Table
            caption="Signals"
            rows={halt.signals}
            rowKey={({ machine, signal }) => `${machine} ${signal}`}
            columns={[
              { title: 'Machine', cell: ({ machine }) => <a href={`/machines/${machine}`}>{machine}</a> },
              { title: 'Signal', cell: ({ signal }) => SIGNALS[signal] },
            ]}
          />
        </Section>
      )}
    </>
  );
}

function Facts({ rollout }: { readonly rollout: Rollout }) {
  const { next, gates, updates, startsAt, ringSince, rings, ring } = rollout;
  const going = rollout.state === 'waiting' || rollout.state === 'rolling';
  return (
    <Section title="About">
      <dl class="facts panel-body">
        {going && (
          <>
            <dt>Next ring</dt>
            <dd>
              {next.at === null ? 'not by time alone' : `at the earliest ${exactText(next.at)}`}
              {next.waitsFor.length > 0 && `; waits for: ${next.waitsFor.join('; ')}`}
            </dd>
          </>
        )}
        <dt>Updates</dt>
        <dd class="row-of">
          {updates.map((id) => (
            <a key={id} href={`/updates/${encodeURIComponent(id)}`}>
              {id}
            </a>
          ))}
        </dd>
        <dt>Starts</dt>
        <dd>
          <Since at={startsAt} />
        </dd>
        {ring >= 0 && (
          <>
            <dt>This ring</dt>
            <dd>
              {rings[ring]?.name}, open since <Since at={ringSince} />
            </dd>
          </>
        )}
        <dt>Gates</dt>
        <dd>
          {gates.tolerate} machines or {gates.toleratePercent} % may go bad
          {gates.lostIsBad && '; machines that are never heard of again count'}
        </dd>
      </dl>
    </Section>
  );
}
