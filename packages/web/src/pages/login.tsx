// Name and password first; the code is asked for only of users who have one.

import { useEffect, useState } from 'preact/hooks';
import { ApiError, ask } from '../api/client.js';
import { useAction } from '../api/use-action.js';
import icon from '../icon.svg';
import { Form, TextField } from '../ui/form.js';

export function Login({ ended, onLogin }: { readonly ended: boolean; readonly onLogin: () => void }) {
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const [needsCode, setNeedsCode] = useState(false);
  const action = useAction();
  useEffect(() => {
    document.title = 'Log in · Resplice';
  }, []);
  const logIn = async (): Promise<void> => {
    const body = { name, password, ...(needsCode ? { code: code.replaceAll(' ', '') } : {}) };
    try {
      await ask('POST', '/session', body);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'one-time-code-needed') throw error;
      setNeedsCode(true);
      return;
    }
    onLogin();
  };
  return (
    <main class="alone">
      <header class="page-head">
        <h1 class="row-of">
          <img src={icon} alt="" width="28" height="28" />
          Log in to Resplice
        </h1>
      </header>
      {ended && (
        <p class="callout info" role="status">
          Your session has ended. Log in to go on where you were.
        </p>
      )}
      <div class="panel">
        <div class="panel-body login">
          <Form action={action} submit="Log in" onSubmit={() => void action.run(logIn)}>
            <TextField label="Name" value={name} onValue={setName} autocomplete="username" required focus />
            <TextField
              label="Password"
              type="password"
              value={password}
              onValue={setPassword}
              autocomplete="current-password"
              required
            />
            {needsCode && (
              <TextField
                label="One-time code"
                hint="Six digits from your authenticator app"
                value={code}
                onValue={setCode}
                autocomplete="one-time-code"
                pattern="[0-9 ]{6,7}"
                numericKeys
                required
                focus
              />
            )}
          </Form>
        </div>
      </div>
      <p class="hint">
        The password of the first administrator was shown when the server was first started. Lost it?{' '}
        <code>resplice admin set-password NAME</code> on the server sets another one.
      </p>
      <p class="hint">
        <a href="/exposure">Is my kernel exposed?</a> needs no login.
      </p>
    </main>
  );
}
