// From nothing to a first protected machine. Each step looks at the server to see whether it is done, so the guide is also what one
// opens when something is missing later.

import type { AccessKeyRecord, FleetSummary, UpdateStanding } from '@resplice/protocol/console';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { ask } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { useQuery } from '../api/use-query.js';
import { useSession } from '../session.js';
import { CopyText } from '../ui/copy.js';
import { Form, TextField } from '../ui/form.js';
import { Loaded } from '../ui/loaded.js';
import { countText } from '../ui/meter.js';
import { Page } from '../ui/page.js';

export function StartPage() {
  const fleet = useQuery<FleetSummary>('/fleet', ['machines']);
  const keys = useQuery<{ keys: readonly AccessKeyRecord[] }>('/access-keys', ['machines']);
  const updates = useQuery<{ updates: readonly UpdateStanding[] }>('/updates', ['machines']);
  return (
    <Page
      title="Getting started"
      lead="From nothing to a first protected machine. Steps tick themselves as they are done."
    >
      <Loaded query={fleet}>
        {(summary) => (
          <ol class="steps">
            <Step
              number={1}
              title="A repository of updates"
              done={summary.repository !== null && summary.repository.problem === null}
            >
              <RepositoryStep summary={summary} count={updates.data?.updates.length} />
            </Step>
            <Step number={2} title="A key for machines" done={(keys.data?.keys ?? []).some(isInForce)}>
              <KeyStep />
            </Step>
            <Step number={3} title="A machine registers" done={summary.machines > 0}>
              <RegisterStep />
            </Step>
            <Step number={4} title="It is authorised" done={(summary.byState.active ?? 0) > 0}>
              <p>
                {(summary.byState.pending ?? 0) > 0 ? (
                  <>
                    <a href="/?state=pending">{countText(summary.byState.pending ?? 0)} waiting</a>: look at
                    them and authorise those that are yours.
                  </>
                ) : (
                  'Machines take part at once, unless the settings say that new ones wait for somebody.'
                )}
              </p>
            </Step>
            <Step number={5} title="It is protected" done={(summary.byStatus.uptodate ?? 0) > 0}>
              <p>
                At its next check-in the machine takes the updates that are released to its ring. Not waiting
                for that: <code>resplice upgrade</code> on the machine. Then it is{' '}
                <a href="/?status=uptodate">safe</a>.
              </p>
            </Step>
          </ol>
        )}
      </Loaded>
    </Page>
  );
}

function isInForce({ revokedAt, expiresAt }: AccessKeyRecord): boolean {
  return revokedAt === null && (expiresAt === null || new Date(expiresAt) > new Date());
}

interface StepProps {
  readonly number: number;
  readonly title: string;
  readonly done: boolean;
  readonly children: ComponentChildren;
}

function Step({ number, title, done, children }: StepProps) {
  return (
    <li class="panel step" data-done={done ? '' : undefined}>
      <span class="step-mark">
        <span aria-hidden="true">{done ? '✓' : number}</span>
        <span class="hidden">{done ? 'done' : 'to do'}</span>
      </span>
      <div class="step-body">
        <h2>{title}</h2>
        {children}
      </div>
    </li>
  );
}

function RepositoryStep({
  summary,
  count,
}: {
  readonly summary: FleetSummary;
  readonly count: number | undefined;
}) {
  const { repository } = summary;
  if (repository === null)
    return (
      <>
        <p>
          This server was started without one. Make a site with keys of your own, publish to it, and start
          again:
        </p>
        <CopyText
          label="Start with a repository"
          text="resplice serve --data ./server --repository ./site/public"
        />
      </>
    );
  if (repository.problem !== null) return <p>It cannot be believed at present: {repository.problem}.</p>;
  return (
    <p>
      {count === undefined ? '…' : `${countText(count)} ${count === 1 ? 'update is' : 'updates are'}`}{' '}
      published and verified.
    </p>
  );
}

function KeyStep() {
  const [name, setName] = useState('first machines');
  const [key, setKey] = useState<string | undefined>(undefined);
  const action = useAction();
  if (key !== undefined)
    return (
      <>
        <p>
          Shown this once. It lets machines register and does nothing else; you can revoke it under Access
          keys.
        </p>
        <CopyText label="Access key" text={key} />
      </>
    );
  return (
    <Form
      action={action}
      submit="Make a key"
      onSubmit={() =>
        void action.run(async () => {
          setKey((await ask<{ key: string }>('POST', '/access-keys', { name, tags: [] })).key);
        })
      }
    >
      <TextField label="What it is for" value={name} onValue={setName} required />
    </Form>
  );
}

function RegisterStep() {
  const { me } = useSession();
  return (
    <>
      <p>On the machine, as root, with the package installed and the key in a file:</p>
      <CopyText
        label="Register a machine"
        text={`apt install ./resplice_*_amd64.deb\nresplice register --server ${location.origin} --key-file ./key`}
      />
      <p class="muted">
        {me.role === 'admin' ? 'This page' : 'The list of machines'} shows it as soon as it has registered.
      </p>
    </>
  );
}
