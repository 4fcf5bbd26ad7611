// Who is there decides what is shown: nobody sees the login and the public pages, a user the pages that the role allows.

import type { Me } from '@resplice/protocol/console';
import { useCallback, useEffect, useState } from 'preact/hooks';
import { ApiError, ask, onSessionEnd } from './api/client.js';
import { forgetAnswers } from './api/use-query.js';
import { Login } from './pages/login.js';
import { findPage } from './pages.js';
import { useAddress } from './router.js';
import { type Session, SessionContext } from './session.js';
import { Shell } from './shell/shell.js';
import { Problem } from './ui/loaded.js';
import { Notices } from './ui/notice.js';

type Visitor =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'nobody'; readonly ended: boolean }
  | { readonly kind: 'user'; readonly me: Me }
  | { readonly kind: 'failed'; readonly error: ApiError };

export function App() {
  const [visitor, setVisitor] = useState<Visitor>({ kind: 'unknown' });
  const identify = useCallback(async () => {
    try {
      setVisitor({ kind: 'user', me: await ask<Me>('GET', '/me') });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.code !== 'not-authenticated') setVisitor({ kind: 'failed', error });
      else
        setVisitor((before) =>
          before.kind === 'nobody' ? before : { kind: 'nobody', ended: before.kind === 'user' },
        );
    }
  }, []);
  useEffect(() => {
    void identify();
    return onSessionEnd(() => {
      forgetAnswers();
      setVisitor((before) => ({ kind: 'nobody', ended: before.kind === 'user' }));
    });
  }, [identify]);
  return (
    <>
      <Inside visitor={visitor} identify={identify} />
      <Notices />
    </>
  );
}

function Inside({
  visitor,
  identify,
}: {
  readonly visitor: Visitor;
  readonly identify: () => Promise<void>;
}) {
  const { path } = useAddress();
  const page = findPage(path);
  if (visitor.kind === 'failed')
    return (
      <main class="alone">
        <h1>Resplice</h1>
        <Problem error={visitor.error} retry={() => void identify()} />
      </main>
    );
  if (visitor.kind === 'unknown') return null;
  if (visitor.kind === 'nobody') {
    if (page.need === 'public') return <main class="alone broad">{page.show()}</main>;
    return <Login ended={visitor.ended} onLogin={() => void identify()} />;
  }
  const { me } = visitor;
  const session: Session = {
    me,
    can: (right) => me.rights.includes(right),
    logOut: () => {
      void ask('DELETE', '/session').finally(() => {
        forgetAnswers();
        setTimeout(() => location.assign('/'), 0);
      });
    },
  };
  return (
    <SessionContext.Provider value={session}>
      <Shell path={path} page={page} />
    </SessionContext.Provider>
  );
}
