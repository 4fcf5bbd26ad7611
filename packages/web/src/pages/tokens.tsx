import type { ApiToken, Right } from '@resplice/protocol/console';
import { useState } from 'preact/hooks';
import { ask } from '../api/client.js';
import { useQuery } from '../api/use-query.js';
import { useSession } from '../session.js';
import { Checks } from '../ui/checks.js';
import { CreateDialog } from '../ui/create-dialog.js';
import { ActionButton } from '../ui/dialog.js';
import { TextField } from '../ui/form.js';
import { Empty, Loaded } from '../ui/loaded.js';
import { Since } from '../ui/moment.js';
import { Section } from '../ui/page.js';
import { Table } from '../ui/table.js';

export function Tokens() {
  const query = useQuery<{ tokens: readonly ApiToken[] }>('/tokens');
  return (
    <Section
      title="API tokens"
      note="for programs: a part of your rights, for as long as you are there"
      actions={<MakeToken />}
    >
      <Loaded query={query}>
        {({ tokens }) =>
          tokens.length === 0 ? (
            <Empty title="No tokens" />
          ) : (
            <Table
              caption="API tokens"
              rows={tokens}
              rowKey={({ id }) => id}
              columns={[
                { title: 'Token', cell: ({ name }) => name },
                { title: 'User', cell: ({ user }) => user },
                { title: 'Rights', cell: ({ scopes }) => scopes.join(', ') },
                { title: 'Made', minor: true, cell: ({ createdAt }) => <Since at={createdAt} /> },
                { title: 'Expires', cell: ({ expiresAt }) => <Since at={expiresAt} /> },
                {
                  title: 'Actions',
                  cell: ({ id, name }) => (
                    <ActionButton
                      label="Revoke"
                      tone="danger"
                      small
                      question={{
                        title: `Revoke ${name}?`,
                        text: <p>Programs that use it are refused at once.</p>,
                        yes: 'Revoke',
                      }}
                      done={`${name} is revoked`}
                      work={() => ask('DELETE', `/tokens/${id}`)}
                    />
                  ),
                },
              ]}
            />
          )
        }
      </Loaded>
    </Section>
  );
}

function MakeToken() {
  const { me } = useSession();
  const [name, setName] = useState('');
  const [days, setDays] = useState('90');
  const [scopes, setScopes] = useState<readonly Right[]>(['read']);
  return (
    <CreateDialog
      title="Make a token"
      submit="Make"
      small
      secretLabel="API token"
      work={async () =>
        (
          await ask<{ token: string }>('POST', '/tokens', {
            name,
            scopes,
            ...(days === '' ? {} : { days: Number(days) }),
          })
        ).token
      }
    >
      <TextField label="What it is for" value={name} onValue={setName} required focus />
      <Checks
        legend="It may"
        options={me.rights.map((right) => [right, right])}
        chosen={scopes}
        onChosen={setScopes}
      />
      <TextField
        label="Days until it expires"
        hint="Empty: never"
        type="number"
        min={1}
        max={3650}
        value={days}
        onValue={setDays}
      />
    </CreateDialog>
  );
}
