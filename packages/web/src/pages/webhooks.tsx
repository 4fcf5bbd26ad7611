import type { EventKind, Webhook } from '@resplice/protocol/console';
import { useState } from 'preact/hooks';
import { ask } from '../api/client.js';
import { useQuery } from '../api/use-query.js';
import { Checks } from '../ui/checks.js';
import { CreateDialog } from '../ui/create-dialog.js';
import { ActionButton } from '../ui/dialog.js';
import { TextField } from '../ui/form.js';
import { Empty, Loaded } from '../ui/loaded.js';
import { Since } from '../ui/moment.js';
import { Page } from '../ui/page.js';
import { Pill } from '../ui/pill.js';
import { type Column, Table } from '../ui/table.js';

const COLUMNS: readonly Column<Webhook>[] = [
  { title: 'Address', cell: ({ url }) => <code>{url}</code> },
  { title: 'Events', cell: ({ events }) => events.join(', ') },
  {
    title: 'Last delivery',
    cell: ({ lastStatus, lastAt }) =>
      lastStatus === null ? (
        <span class="muted">none yet</span>
      ) : (
        <span class="row-of">
          <Pill tone={/^2\d\d$/.test(lastStatus) ? 'good' : 'bad'}>{lastStatus}</Pill>
          <Since at={lastAt} />
        </span>
      ),
  },
  {
    title: 'Actions',
    cell: ({ id, url }) => (
      <ActionButton
        label="Remove"
        tone="danger"
        small
        question={{ title: 'Remove this webhook?', text: <code>{url}</code>, yes: 'Remove' }}
        done="The webhook is removed"
        work={() => ask('DELETE', `/webhooks/${id}`)}
      />
    ),
  },
];

export function WebhooksPage() {
  const query = useQuery<{ webhooks: readonly Webhook[]; events: readonly EventKind[] }>('/webhooks');
  return (
    <Page
      title="Webhooks"
      lead="Events are sent to these addresses as JSON, signed with the secret of each (HMAC-SHA-256, header resplice-signature)."
      actions={query.data !== undefined && <MakeWebhook events={query.data.events} />}
    >
      <section class="panel" aria-label="List of webhooks">
        <Loaded query={query}>
          {({ webhooks }) =>
            webhooks.length === 0 ? (
              <Empty title="No webhooks yet" />
            ) : (
              <Table caption="Webhooks" columns={COLUMNS} rows={webhooks} rowKey={({ id }) => id} />
            )
          }
        </Loaded>
      </section>
    </Page>
  );
}

function MakeWebhook({ events }: { readonly events: readonly EventKind[] }) {
  const [url, setUrl] = useState('');
  const [chosen, setChosen] = useState<readonly string[]>([]);
  return (
    <CreateDialog
      title="Make a webhook"
      submit="Make"
      onKey
      secretLabel="Secret that signs what is sent"
      work={async () => (await ask<{ secret: string }>('POST', '/webhooks', { url, events: chosen })).secret}
    >
      <TextField
        label="Address"
        type="url"
        placeholder="https://example.org/hook"
        value={url}
        onValue={setUrl}
        required
        focus
      />
      <Checks
        legend="Events"
        options={events.map(({ name, title }) => [name, `${name}: ${title}`])}
        chosen={chosen}
        onChosen={setChosen}
      />
    </CreateDialog>
  );
}
