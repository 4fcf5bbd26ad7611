import type { Group, MaintenanceWindow } from '@resplice/protocol/console';
import { useState } from 'preact/hooks';
import { ask } from '../api/client.js';
import { useQuery } from '../api/use-query.js';
import { useSession } from '../session.js';
import { CreateDialog } from '../ui/create-dialog.js';
import { ActionButton } from '../ui/dialog.js';
import { SelectField, TextField } from '../ui/form.js';
import { Empty, Loaded } from '../ui/loaded.js';
import { countText } from '../ui/meter.js';
import { Page } from '../ui/page.js';
import { type Column, Table } from '../ui/table.js';
import { WindowsField } from './windows-field.js';

const MODES: readonly (readonly [string, string])[] = [
  ['', 'as each machine is configured'],
  ['install', 'apply updates by themselves'],
  ['notify', 'announce updates, apply none'],
  ['off', 'nothing'],
];
const RINGS = Array.from({ length: 10 }, (_, ring) => [String(ring), ringText(ring)] as const);

function ringText(ring: number): string {
  return ring === 0 ? '0, gets updates first' : ring === 9 ? '9, gets updates last' : String(ring);
}

export function GroupsPage() {
  const session = useSession();
  const query = useQuery<{ groups: readonly Group[] }>('/groups', ['machines', 'groups']);
  const columns: readonly Column<Group>[] = [
    { title: 'Group', cell: ({ name }) => <a href={`/?group=${encodeURIComponent(name)}`}>{name}</a> },
    { title: 'Machines', numeric: true, cell: ({ machines }) => countText(machines) },
    { title: 'Ring', cell: ({ ring }) => ringText(ring) },
    { title: 'Its machines', cell: ({ mode }) => MODES.find(([value]) => value === (mode ?? ''))?.[1] },
    ...(session.can('machines')
      ? [{ title: 'Actions', cell: (group: Group) => <GroupActions group={group} /> }]
      : []),
  ];
  return (
    <Page
      title="Groups"
      lead="A group says what its machines do with updates and how early they get them. Machines without one are in ring 9."
      actions={session.can('machines') && <MakeGroup />}
    >
      <section class="panel" aria-label="List of groups">
        <Loaded query={query}>
          {({ groups }) =>
            groups.length === 0 ? (
              <Empty title="No groups yet">
                Select machines in the list and move them to a group, or make one here.
              </Empty>
            ) : (
              <Table caption="Groups" columns={columns} rows={groups} rowKey={({ id }) => id} />
            )
          }
        </Loaded>
      </section>
    </Page>
  );
}

function useGroupFields(group?: Group) {
  const [name, setName] = useState(group?.name ?? '');
  const [mode, setMode] = useState<string>(group?.mode ?? '');
  const [ring, setRing] = useState(String(group?.ring ?? 9));
  const [windows, setWindows] = useState<readonly MaintenanceWindow[]>(group?.windows ?? []);
  const fields = (
    <>
      <TextField label="Name" value={name} onValue={setName} required focus />
      <SelectField label="Its machines" value={mode} onValue={setMode} options={MODES} />
      <SelectField label="Ring" value={ring} onValue={setRing} options={RINGS} />
      <WindowsField
        legend="Maintenance windows"
        hint="When its machines may install; none: as the organisation's."
        windows={windows}
        onWindows={setWindows}
      />
    </>
  );
  return {
    fields,
    body: {
      name,
      mode: mode === '' ? null : mode,
      ring: Number(ring),
      windows: windows.length === 0 ? null : windows,
    },
  };
}

function MakeGroup() {
  const { fields, body } = useGroupFields();
  return (
    <CreateDialog
      title="Make a group"
      submit="Make"
      done={`${body.name} is there`}
      onKey
      work={async () => {
        await ask('POST', '/groups', body);
        return undefined;
      }}
    >
      {fields}
    </CreateDialog>
  );
}

function GroupActions({ group }: { readonly group: Group }) {
  const { fields, body } = useGroupFields(group);
  return (
    <span class="row-of">
      <CreateDialog
        title="Change"
        submit="Save"
        done={`${group.name} is changed`}
        small
        work={async () => {
          await ask('PATCH', `/groups/${group.id}`, body);
          return undefined;
        }}
      >
        {fields}
      </CreateDialog>
      <ActionButton
        label="Remove"
        tone="danger"
        small
        question={{
          title: `Remove ${group.name}?`,
          text: <p>{countText(group.machines)} machines are then in no group, and in ring 9.</p>,
          yes: 'Remove',
        }}
        done={`${group.name} is removed`}
        work={() => ask('DELETE', `/groups/${group.id}`)}
      />
    </span>
  );
}
