import type { Role, User } from '@resplice/protocol/console';
import { useState } from 'preact/hooks';
import { ask } from '../api/client.js';
import { useQuery } from '../api/use-query.js';
import { CreateDialog } from '../ui/create-dialog.js';
import { ActionButton } from '../ui/dialog.js';
import { SelectField, TextField } from '../ui/form.js';
import { Loaded } from '../ui/loaded.js';
import { Since } from '../ui/moment.js';
import { Page } from '../ui/page.js';
import { Pill } from '../ui/pill.js';
import { type Column, Table } from '../ui/table.js';

const ROLES: Readonly<Record<Role, string>> = {
  viewer: 'viewer: sees everything of the fleet, changes nothing',
  operator: 'operator: machines, groups, keys; takes updates back',
  reviewer: 'reviewer: approves updates and leads roll-outs',
  admin: 'admin: everything, users and settings too',
};
const OPTIONS = Object.entries(ROLES);
const SHORTEST = 12;

const COLUMNS: readonly Column<User>[] = [
  { title: 'User', cell: ({ name }) => name },
  { title: 'Role', cell: ({ role }) => role },
  {
    title: 'State',
    cell: ({ disabled }) => (disabled ? <Pill tone="bad">Disabled</Pill> : <Pill tone="good">Active</Pill>),
  },
  {
    title: 'One-time codes',
    cell: ({ oneTimeCodes }) => (oneTimeCodes ? <Pill tone="good">Yes</Pill> : <Pill tone="warn">No</Pill>),
  },
  { title: 'Last login', cell: ({ lastLoginAt }) => <Since at={lastLoginAt} /> },
  { title: 'Made', minor: true, cell: ({ createdAt }) => <Since at={createdAt} /> },
  { title: 'Actions', cell: (user) => <UserActions user={user} /> },
];

export function UsersPage() {
  const query = useQuery<{ users: readonly User[] }>('/users');
  return (
    <Page
      title="Users"
      lead="Who may log in, and with which role. What each role may do is in the documentation of the server."
      actions={<MakeUser />}
    >
      <section class="panel" aria-label="List of users">
        <Loaded query={query}>
          {({ users }) => <Table caption="Users" columns={COLUMNS} rows={users} rowKey={({ id }) => id} />}
        </Loaded>
      </section>
    </Page>
  );
}

function MakeUser() {
  const [name, setName] = useState('');
  const [role, setRole] = useState('viewer');
  const [password, setPassword] = useState('');
  return (
    <CreateDialog
      title="Make a user"
      submit="Make"
      done={`${name} can log in`}
      onKey
      work={async () => {
        await ask('POST', '/users', { name, role, password });
        return undefined;
      }}
    >
      <TextField label="Name" value={name} onValue={setName} required focus />
      <SelectField label="Role" value={role} onValue={setRole} options={OPTIONS} />
      <TextField
        label="First password"
        hint={`At least ${SHORTEST} characters; the user can change it.`}
        type="password"
        autocomplete="new-password"
        minLength={SHORTEST}
        value={password}
        onValue={setPassword}
        required
      />
    </CreateDialog>
  );
}

function UserActions({ user }: { readonly user: User }) {
  const [role, setRole] = useState<string>(user.role);
  const [password, setPassword] = useState('');
  const path = `/users/${user.id}`;
  return (
    <span class="row-of">
      <CreateDialog
        title="Change"
        submit="Save"
        done={`${user.name} is changed and logged out`}
        small
        work={async () => {
          await ask('PATCH', path, { role, ...(password === '' ? {} : { password }) });
          return undefined;
        }}
      >
        <SelectField label="Role" value={role} onValue={setRole} options={OPTIONS} />
        <TextField
          label="New password"
          hint="Empty: as it is"
          type="password"
          autocomplete="new-password"
          minLength={SHORTEST}
          value={password}
          onValue={setPassword}
        />
      </CreateDialog>
      <ActionButton
        label={user.disabled ? 'Enable' : 'Disable'}
        small
        done={user.disabled ? `${user.name} can log in again` : `${user.name} is disabled and logged out`}
        work={() => ask('PATCH', path, { disabled: !user.disabled })}
      />
      {user.oneTimeCodes && (
        <ActionButton
          label="End one-time codes"
          small
          question={{
            title: `End one-time codes of ${user.name}?`,
            text: <p>For somebody who has lost the device. The password alone is then enough.</p>,
            yes: 'End them',
          }}
          done={`${user.name} logs in without codes`}
          work={() => ask('PATCH', path, { oneTimeCodes: false })}
        />
      )}
      <ActionButton
        label="Remove"
        tone="danger"
        small
        question={{
          title: `Remove ${user.name}?`,
          text: <p>Sessions and API tokens end too. What was done stays in the audit log.</p>,
          yes: 'Remove',
        }}
        done={`${user.name} is removed`}
        work={() => ask('DELETE', path)}
      />
    </span>
  );
}
