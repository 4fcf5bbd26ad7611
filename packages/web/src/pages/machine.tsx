// One machine: what it runs, what is applied, what is not and why, how it is, what happened, and what can be done.

import type { MachineDetail } from '@resplice/protocol/console';
import type { ComponentChildren } from 'preact';
import { ask } from '../api/client.js';
import { useQuery } from '../api/use-query.js';
import { navigate } from '../router.js';
import { useSession } from '../session.js';
import { ActionButton } from '../ui/dialog.js';
import { Loaded } from '../ui/loaded.js';
import { durationText, Since } from '../ui/moment.js';
import { Page, Section } from '../ui/page.js';
import { Pill, Tag } from '../ui/pill.js';
import { ScrollRegion } from '../ui/scroll-region.js';
import { EditMachine } from './machine-edit.js';
import { MachineHistory } from './machine-history.js';
import { MachinePlaces } from './machine-place.js';
import { MachineUpdates } from './machine-updates.js';
import { CONFLICT, DISABLED, HEALTH, nameOf, wordsOf } from './machine-words.js';

const UP = { href: '/', title: 'Machines' };

export function MachinePage({ id }: { readonly id: string }) {
  const query = useQuery<MachineDetail>(`/machines/${encodeURIComponent(id)}`, ['machines']);
  const { data } = query;
  if (data === undefined)
    return (
      <Page title="Machine" up={UP}>
        <Loaded query={query}>{() => null}</Loaded>
      </Page>
    );
  return (
    <Page
      title={nameOf(data)}
      up={UP}
      lead={
        <span class="row-of">
          {wordsOf(data).map(({ text, tone, means }) => (
            <Pill key={text} tone={tone} title={means}>
              {text}
            </Pill>
          ))}
          {data.tags.map((tag) => (
            <Tag key={tag}>{tag}</Tag>
          ))}
        </span>
      }
      actions={<Actions machine={data} />}
    >
      <Loaded query={query}>
        {(machine) => (
          <>
            <Warnings machine={machine} />
            <div class="columns">
              <Kernel machine={machine} />
              <Standing machine={machine} />
            </div>
            <MachinePlaces place={machine.place} />
            <MachineUpdates machine={machine} />
            <Health machine={machine} />
            <MachineHistory events={machine.events} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Actions({ machine }: { readonly machine: MachineDetail }) {
  const session = useSession();
  if (!session.can('machines')) return null;
  const path = `/machines/${machine.machine}`;
  const name = nameOf(machine);
  return (
    <>
      {machine.state !== 'active' && (
        <ActionButton
          label="Authorise"
          tone="primary"
          done={`${name} takes part`}
          work={() => ask('PATCH', path, { state: 'active' })}
        />
      )}
      <EditMachine machine={machine} />
      <ActionButton
        label={machine.hidden ? 'Unhide' : 'Hide'}
        done={machine.hidden ? `${name} is shown again` : `${name} is hidden from lists and figures`}
        work={() => ask('PATCH', path, { hidden: !machine.hidden })}
      />
      {machine.state !== 'denied' && (
        <ActionButton
          label="Deny"
          tone="danger"
          question={{
            title: `Deny ${name}?`,
            text: <p>It may report, and is given nothing to do. What is applied stays applied.</p>,
            yes: 'Deny',
          }}
          done={`${name} is denied`}
          work={() => ask('PATCH', path, { state: 'denied' })}
        />
      )}
      <ActionButton
        label="Remove"
        tone="danger"
        question={{
          title: `Remove ${name}?`,
          text: <p>Its history here goes too. The machine keeps its updates, and can register again.</p>,
          yes: 'Remove',
        }}
        done={`${name} is removed`}
        work={() => ask('DELETE', path)}
        onDone={() => navigate('/')}
      />
    </>
  );
}

function Warnings({ machine }: { readonly machine: MachineDetail }) {
  const { conflict, conflictAt, disabled, silent, state, lastSeenAt } = machine;
  const lines: ComponentChildren[] = [];
  if (conflict !== null)
    lines.push(
      <>
        Conflict <Since at={conflictAt} />: {CONFLICT[conflict] ?? conflict}.
      </>,
    );
  if (disabled !== null) lines.push(<>No updates by themselves: {DISABLED[disabled] ?? disabled}.</>);
  if (silent)
    lines.push(
      <>
        Silent: last seen <Since at={lastSeenAt} />. Look whether it runs, reaches this server, and whether{' '}
        <code>systemctl status resplice.timer</code> on it is active.
      </>,
    );
  if (state === 'pending') lines.push(<>It waits to be authorised, and is given nothing to do until then.</>);
  return (
    <>
      {lines.map((line, index) => (
        <div key={index} class="callout warn">
          <p>{line}</p>
        </div>
      ))}
    </>
  );
}

function Kernel({ machine }: { readonly machine: MachineDetail }) {
  const { report, effective } = machine;
  return (
    <Section title="Kernel">
      <dl class="facts panel-body">
        <dt>Running</dt>
        <dd>
          {report.kernel.release} <span class="muted">{report.kernel.version}</span>
        </dd>
        <dt>Effective</dt>
        <dd>
          <strong>{effective}</strong> <span class="muted">the release whose security fixes it has</span>
        </dd>
        <dt>CVEs</dt>
        <dd>
          {report.effective.cvesFixed} fixed live
          {report.effective.cvesOpen !== null && `, ${report.effective.cvesOpen} open`}
        </dd>
        <dt>Build id</dt>
        <dd>
          <code>{report.kernel.buildId}</code>
        </dd>
        <dt>Flavour</dt>
        <dd>
          {report.kernel.flavour}, {report.kernel.architecture}
        </dd>
        <dt>Started</dt>
        <dd>
          <Since at={report.lastReboot} />{' '}
          <span class="muted">up {durationText(report.uptimeSeconds)} at its last report</span>
        </dd>
      </dl>
    </Section>
  );
}

const MODES = {
  install: 'updates are applied by themselves',
  notify: 'updates are only announced',
  off: 'nothing is applied',
} as const;

function Standing({ machine }: { readonly machine: MachineDetail }) {
  const { desired } = machine;
  return (
    <Section title="In the fleet">
      <dl class="facts panel-body">
        <dt>Group</dt>
        <dd>
          {machine.group ?? 'none'} · ring {machine.ring}
        </dd>
        <dt>Mode</dt>
        <dd>{desired.mode === null ? 'as its own configuration says' : MODES[desired.mode]}</dd>
        <dt>Held back</dt>
        <dd>
          {desired.except.length === 0
            ? 'nothing'
            : `${desired.except.join(', ')} (not released to its ring yet)`}
        </dd>
        <dt>To be undone</dt>
        <dd>{desired.remove.length === 0 ? 'nothing' : desired.remove.join(', ')}</dd>
        <dt>Last seen</dt>
        <dd>
          <Since at={machine.lastSeenAt} /> <span class="muted">after {machine.checkIns} check-ins</span>
        </dd>
        <dt>Registered</dt>
        <dd>
          <Since at={machine.registeredAt} />
          {machine.accessKey !== null && <span class="muted"> with the key “{machine.accessKey}”</span>}
        </dd>
        <dt>Client</dt>
        <dd>resplice {machine.client}</dd>
        <dt>Id</dt>
        <dd>
          <code>{machine.machine}</code>
        </dd>
      </dl>
    </Section>
  );
}

function Health({ machine }: { readonly machine: MachineDetail }) {
  const { complaints } = machine.report.health;
  const word = HEALTH[machine.health];
  return (
    <Section title="Health" note={<Pill tone={word.tone}>{word.text}</Pill>}>
      <div class="panel-body">
        <p class="muted">{word.means}</p>
        {complaints.length > 0 && (
          <ScrollRegion kind="log" label="Kernel log">
            {complaints.join('\n')}
          </ScrollRegion>
        )}
      </div>
    </Section>
  );
}
