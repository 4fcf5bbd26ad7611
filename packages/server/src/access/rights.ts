// Every route names the right it asks for (http/guard.ts refuses to start with one that does not), and test/http/rights.test.ts asks
// every route with every role. The table itself is part of the protocol.

import { type Right, ROLES, type Role } from '@resplice/protocol/console';

export { ALL_RIGHTS, ALL_ROLES, RIGHTS, type Right, ROLES, type Role } from '@resplice/protocol/console';

/**
 * What a route asks for. `public`: nothing. `machine`: the handler checks the machine's own token or key. `own`: any user who is
 * logged in, not with an API token.
 */
export type Need = Right | 'public' | 'machine' | 'own';

export function rightsOf(role: Role, scopes: readonly string[] | undefined): ReadonlySet<Right> {
  return new Set(ROLES[role].filter((right) => scopes === undefined || scopes.includes(right)));
}
