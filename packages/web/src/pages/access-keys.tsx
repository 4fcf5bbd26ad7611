import type { AccessKeyRecord } from '@resplice/protocol/console';
import { useState } from 'preact/hooks';
import { ask } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { useQuery } from '../api/use-query.js';
import { CreateDialog } from '../ui/create-dialog.js';
import { Dialog } from '../ui/dialog.js';
import { Form, TextField } from '../ui/form.js';
import { Empty, Loaded } from '../ui/loaded.js';
import { Since } from '../ui/moment.js';
import { namesOf } from '../ui/names.js';
import { Page } from '../ui/page.js';
import { Pill, Tag } from '../ui/pill.js';
import { type Column, Table } from '../ui/table.js';

function standingOf({ revokedAt, expiresAt, uses, maxUses }: AccessKeyRecord) {
  if (revokedAt !== null) return <Pill tone="bad">Revoked</Pill>;
  if (expiresAt !== null && new Date(expiresAt) < new Date()) return <Pill tone="quiet">Expired</Pill>;
  if (maxUses !== null && uses >= maxUses) return <Pill tone="quiet">Used up</Pill>;
  return <Pill tone="good">In force</Pill>;
}

const COLUMNS: readonly Column<AccessKeyRecord>[] = [
  { title: 'Key', cell: ({ name }) => name },
  { title: 'State', cell: standingOf },
  {
    title: 'Used',
    numeric: true,
    cell: ({ uses, maxUses }) => (maxUses === null ? uses : `${uses} of ${maxUses}`),
  },
  {
    title: 'Its machines',
    cell: ({ group, tags }) => (
      <span class="row-of">
        {group === null ? <span class="muted">no group</span> : `group ${group}`}
        {tags.map((tag) => (
          <Tag key={tag}>{tag}</Tag>
        ))}
      </span>
    ),
  },
  { title: 'Made', minor: true, cell: ({ createdAt }) => <Since at={createdAt} /> },
  { title: 'Expires', cell: ({ expiresAt }) => <Since at={expiresAt} /> },
  { title: 'Actions', cell: (key) => key.revokedAt === null && <Revoke record={key} /> },
];

export function AccessKeysPage() {
  const query = useQuery<{ keys: readonly AccessKeyRecord[] }>('/access-keys', ['machines']);
  return (
    <Page
      title="Access keys"
      lead="Let machines register, and nothing else. A key can put its machines into a group and tag them."
      actions={<MakeKey />}
    >
      <section class="panel" aria-label="List of access keys">
        <Loaded query={query}>
          {({ keys }) =>
            keys.length === 0 ? (
              <Empty title="No keys yet">Machines need one to register.</Empty>
            ) : (
              <Table caption="Access keys" columns={COLUMNS} rows={keys} rowKey={({ id }) => id} />
            )
          }
        </Loaded>
      </section>
    </Page>
  );
}

function MakeKey() {
  const [name, setName] = useState('');
  const [group, setGroup] = useState('');
  const [tags, setTags] = useState('');
  const [uses, setUses] = useState('');
  const [days, setDays] = useState('');
  const body = {
    name,
    tags: namesOf(tags),
    ...(group.trim() === '' ? {} : { group: group.trim() }),
    ...(uses === '' ? {} : { maxUses: Number(uses) }),
    ...(days === '' ? {} : { days: Number(days) }),
  };
  return (
    <CreateDialog
      title="Make a key"
      submit="Make"
      onKey
      secretLabel="Access key"
      secretNote="Shown this once. On a machine: resplice register --server THIS-SERVER --key-file FILE."
      work={async () => (await ask<{ key: string }>('POST', '/access-keys', body)).key}
    >
      <TextField label="What it is for" value={name} onValue={setName} required focus />
      <TextField label="Group" hint="One that exists; empty: none" value={group} onValue={setGroup} />
      <TextField label="Tags" hint="With commas between them" value={tags} onValue={setTags} />
      <TextField label="Machines at most" type="number" min={1} value={uses} onValue={setUses} />
      <TextField
        label="Days until it expires"
        type="number"
        min={1}
        max={3650}
        value={days}
        onValue={setDays}
      />
    </CreateDialog>
  );
}

function Revoke({ record }: { readonly record: AccessKeyRecord }) {
  const [open, setOpen] = useState(false);
  const [stolen, setStolen] = useState(false);
  const action = useAction();
  const revoke = async (): Promise<void> => {
    const path = `/access-keys/${record.id}/revoke`;
    if (await action.run(() => ask('POST', path, { denyMachines: stolen }), `${record.name} is revoked`))
      setOpen(false);
  };
  return (
    <>
      <button type="button" class="small danger" onClick={() => setOpen(true)}>
        Revoke
      </button>
      {open && (
        <Dialog title={`Revoke ${record.name}?`} onClose={() => setOpen(false)}>
          <Form action={action} submit="Revoke" danger onSubmit={() => void revoke()}>
            <p>No machine can register with it any more. Machines that have, stay.</p>
            <label class="choice">
              <input
                type="checkbox"
                checked={stolen}
                onChange={(event) => setStolen(event.currentTarget.checked)}
              />
              <span>It was stolen: deny the machines that came with it</span>
            </label>
          </Form>
        </Dialog>
      )}
    </>
  );
}
