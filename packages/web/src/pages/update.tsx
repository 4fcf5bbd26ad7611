import type { UpdateStanding } from '@resplice/protocol/console';
import { useState } from 'preact/hooks';
import { ask } from '../api/client.js';
import { useQuery } from '../api/use-query.js';
import { useSession } from '../session.js';
import { CreateDialog } from '../ui/create-dialog.js';
import { ActionButton } from '../ui/dialog.js';
import { SelectField, TextField } from '../ui/form.js';
import { Empty, Loaded } from '../ui/loaded.js';
import { countText } from '../ui/meter.js';
import { Since } from '../ui/moment.js';
import { Page, Section } from '../ui/page.js';
import { CveLink } from '../ui/pill.js';
import { Table } from '../ui/table.js';
import { Tile } from '../ui/tile.js';
import { standingOf } from './updates.js';

const UP = { href: '/updates', title: 'Updates' };

export function UpdatePage({ id }: { readonly id: string }) {
  const query = useQuery<{ updates: readonly UpdateStanding[] }>('/updates', [
    'machines',
    'updates',
    'rollouts',
  ]);
  const update = query.data?.updates.find((each) => each.id === id);
  return (
    <Page
      title={id}
      up={UP}
      lead={update?.description}
      actions={update !== undefined && <Decisions update={update} />}
    >
      <Loaded query={query}>
        {() =>
          update === undefined ? (
            <Empty title="No update of this name was ever published" />
          ) : (
            <Shown update={update} />
          )
        }
      </Loaded>
    </Page>
  );
}

function Decisions({ update }: { readonly update: UpdateStanding }) {
  const session = useSession();
  const path = `/updates/${encodeURIComponent(update.id)}`;
  return (
    <>
      {session.can('rollout') && update.withdrawnAt === null && <Release update={update} path={path} />}
      {session.can('rollout') && update.withdrawnAt !== null && (
        <ActionButton
          label="End the withdrawal"
          question={{
            title: `Offer ${update.id} again?`,
            text: (
              <p>Machines of the rings that it is released to take it again from their next check-in on.</p>
            ),
            yes: 'Offer it again',
          }}
          done={`${update.id} is offered again`}
          work={() => ask('POST', `${path}/restore`, {})}
        />
      )}
      {session.can('withdraw') && update.withdrawnAt === null && <Withdraw update={update} path={path} />}
    </>
  );
}

interface DecisionProps {
  readonly update: UpdateStanding;
  readonly path: string;
}

function Release({ update, path }: DecisionProps) {
  const [ring, setRing] = useState(String(update.ring));
  const rings = Array.from({ length: 10 }, (_, index) => index);
  return (
    <CreateDialog
      title="Release"
      submit="Release"
      done={`${update.id}: release changed`}
      work={async () => {
        await ask('POST', `${path}/release`, { ring: Number(ring) });
        return undefined;
      }}
    >
      <SelectField
        label="Released to"
        hint="A lower ring than before holds it back from machines that do not have it yet; those that have it keep it."
        value={ring}
        onValue={setRing}
        options={[
          ['-1', 'nobody'],
          ...rings.map(
            (each) =>
              [
                String(each),
                each === 9 ? 'everybody' : each === 0 ? 'ring 0' : `rings 0 to ${each}`,
              ] as const,
          ),
        ]}
      />
    </CreateDialog>
  );
}

function Withdraw({ update, path }: DecisionProps) {
  const [reason, setReason] = useState('');
  return (
    <CreateDialog
      title="Withdraw"
      submit="Withdraw from all machines"
      done={`${update.id} is withdrawn`}
      work={async () => {
        await ask('POST', `${path}/withdraw`, { reason });
        return undefined;
      }}
    >
      <p>
        {countText(update.applied)} {update.applied === 1 ? 'machine takes' : 'machines take'} it back at the
        next check-in, and none gets it any more.
      </p>
      <TextField
        label="Why"
        hint="Everybody who is told about it reads this."
        value={reason}
        onValue={setReason}
        required
        focus
      />
    </CreateDialog>
  );
}

function Shown({ update }: { readonly update: UpdateStanding }) {
  const of = (state: string) => `/?update=${encodeURIComponent(update.id)}&updateState=${state}`;
  return (
    <>
      {update.withdrawnAt !== null && (
        <p class="callout bad">
          <span>
            Withdrawn <Since at={update.withdrawnAt} /> by {update.changedBy}: {update.reason}
          </span>
        </p>
      )}
      <div class="tiles">
        <Tile name="Applied" count={update.applied} tone="good" href={of('applied')} />
        <Tile name="Not applied" count={update.available} tone="warn" href={of('available')} />
        <Tile name="Failed or refused" count={update.failed} tone="bad" />
      </div>
      <Section title="What it is">
        <dl class="facts panel-body">
          <dt>Released</dt>
          <dd>
            {standingOf(update)}{' '}
            {update.changedBy !== null && <span class="muted">by {update.changedBy}</span>}
          </dd>
          <dt>Trouble</dt>
          <dd class="row-of">
            machines on which it <a href={of('failed')}>failed</a>, or on which a check{' '}
            <a href={of('refused')}>refused</a> it
          </dd>
          <dt>CVEs</dt>
          <dd class="row-of">
            {update.cves.length === 0
              ? 'none named'
              : update.cves.map((cve) => <CveLink key={cve} cve={cve} />)}
          </dd>
        </dl>
      </Section>
      <Section title="Kernels" note={`${update.kernels.length} builds`}>
        <Table
          caption="Kernels that this update is for"
          rows={update.kernels}
          rowKey={({ path }) => path}
          columns={[
            {
              title: 'Kernel',
              cell: ({ release, version, goneAt }) => (
                <>
                  {release} <span class="muted">{version}</span>
                  {goneAt !== null && (
                    <span class="sub">
                      gone from the repository <Since at={goneAt} />
                    </span>
                  )}
                </>
              ),
            },
            { title: 'Engine', cell: ({ engine }) => engine },
            {
              title: 'Needs',
              cell: ({ requires }) => (requires.length === 0 ? '–' : requires.join(', ')),
              minor: true,
            },
            {
              title: 'Size',
              numeric: true,
              cell: ({ length }) => `${Math.max(1, Math.round(length / 1024))} kB`,
            },
            {
              title: 'SHA-256',
              cell: ({ sha256 }) => <code title={sha256}>{sha256.slice(0, 16)}…</code>,
              minor: true,
            },
            { title: 'Published', cell: ({ publishedAt }) => <Since at={publishedAt} /> },
          ]}
        />
      </Section>
    </>
  );
}
