// Who is logged in, for every component.

import type { Me, Right } from '@resplice/protocol/console';
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';

export interface Session {
  readonly me: Me;
  can(right: Right): boolean;
  logOut(): void;
}

export const SessionContext = createContext<Session | undefined>(undefined);

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === undefined) throw new Error('this component is shown to users who are logged in');
  return session;
}
