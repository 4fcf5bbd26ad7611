import type { Me } from '@resplice/protocol/console';
import { useState } from 'preact/hooks';
import { ask } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import { useQuery } from '../api/use-query.js';
import { useSession } from '../session.js';
import { CopyText } from '../ui/copy.js';
import { CreateDialog } from '../ui/create-dialog.js';
import { Form, TextField } from '../ui/form.js';
import { Loaded } from '../ui/loaded.js';
import { Page, Section } from '../ui/page.js';
import { Pill } from '../ui/pill.js';
import { Tokens } from './tokens.js';

export function AccountPage() {
  const { me } = useSession();
  const query = useQuery<Me>('/me');
  return (
    <Page title="Your account" lead={`${me.actor.replace(/^user /, '')}, ${me.role}`}>
      <div class="columns">
        <Password />
        <Section title="One-time codes">
          <div class="panel-body">
            <Loaded query={query}>{({ oneTimeCodes }) => <OneTimeCodes on={oneTimeCodes} />}</Loaded>
          </div>
        </Section>
      </div>
      <Tokens />
    </Page>
  );
}

function Password() {
  const [present, setPresent] = useState('');
  const [wanted, setWanted] = useState('');
  const action = useAction();
  const change = async (): Promise<void> => {
    if (
      await action.run(
        () => ask('POST', '/me/password', { present, wanted }),
        'Changed; all other sessions are ended',
      )
    ) {
      setPresent('');
      setWanted('');
    }
  };
  return (
    <Section title="Password">
      <div class="panel-body">
        <Form action={action} submit="Change" onSubmit={() => void change()}>
          <TextField
            label="Present password"
            type="password"
            autocomplete="current-password"
            value={present}
            onValue={setPresent}
            required
          />
          <TextField
            label="New password"
            hint="At least 12 characters"
            type="password"
            autocomplete="new-password"
            minLength={12}
            value={wanted}
            onValue={setWanted}
            required
          />
        </Form>
      </div>
    </Section>
  );
}

function OneTimeCodes({ on }: { readonly on: boolean }) {
  const [password, setPassword] = useState('');
  const [begun, setBegun] = useState<{ secret: string; address: string } | undefined>(undefined);
  const [code, setCode] = useState('');
  const action = useAction();
  if (on)
    return (
      <>
        <p>
          <Pill tone="good">On</Pill> You log in with a code of your authenticator app as well.
        </p>
        <div class="actions">
          <CreateDialog
            title="End one-time codes"
            submit="End them"
            done="You log in without codes"
            work={async () => {
              await ask('POST', '/me/one-time-codes/end', { password });
              return undefined;
            }}
          >
            <TextField
              label="Password"
              type="password"
              autocomplete="current-password"
              value={password}
              onValue={setPassword}
              required
              focus
            />
          </CreateDialog>
        </div>
      </>
    );
  if (begun !== undefined)
    return (
      <Form
        action={action}
        submit="Confirm"
        onSubmit={() =>
          void action.run(() => ask('POST', '/me/one-time-codes/confirm', { code }), 'One-time codes are on')
        }
      >
        <p>
          Enter this secret into an authenticator app (time-based, six digits), then a code that it shows.
        </p>
        <CopyText label="Secret" text={begun.secret} />
        <CopyText label="The same as an address that apps open" text={begun.address} />
        <TextField
          label="Code"
          value={code}
          onValue={setCode}
          pattern="\d{6}"
          autocomplete="one-time-code"
          numericKeys
          required
          focus
        />
      </Form>
    );
  return (
    <Form
      action={action}
      submit="Begin"
      onSubmit={() =>
        void action.run(async () => {
          setBegun(await ask('POST', '/me/one-time-codes', { password }));
        })
      }
    >
      <p>
        <Pill tone="warn">Off</Pill> A stolen password is enough to be you. With codes of an authenticator app
        it is not.
      </p>
      <TextField
        label="Password"
        type="password"
        autocomplete="current-password"
        value={password}
        onValue={setPassword}
        required
      />
    </Form>
  );
}
