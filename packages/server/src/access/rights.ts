// Who may do what, in one table. Every route names the right it asks for (http/guard.ts refuses to start with one that does not),
// and test/http/rights.test.ts asks every route with every role.

export const RIGHTS = {
  read: 'see machines, groups, updates and figures of the own organisation',
  machines: 'authorise, group, tag and hide machines; change groups',
  keys: 'make and revoke access keys',
  withdraw: 'take an update back from all machines',
  rollout: 'release updates to rings',
  artefacts: 'put and remove artefacts',
  audit: 'read the audit log',
  settings: 'change how the organisation works; webhooks',
  users: 'make, change and remove users and their tokens',
} as const;

export type Right = keyof typeof RIGHTS;
export const ALL_RIGHTS = Object.keys(RIGHTS) as [Right, ...Right[]];

export const ROLES = {
  viewer: ['read'],
  operator: ['read', 'machines', 'keys', 'withdraw'],
  reviewer: ['read', 'withdraw', 'rollout', 'artefacts', 'audit'],
  admin: ALL_RIGHTS,
} as const satisfies Readonly<Record<string, readonly Right[]>>;

export type Role = keyof typeof ROLES;
export const ALL_ROLES = Object.keys(ROLES) as [Role, ...Role[]];

/**
 * What a route asks for. `public`: nothing. `machine`: the handler checks the machine's own token or key. `own`: any user who is
 * logged in, not with an API token.
 */
export type Need = Right | 'public' | 'machine' | 'own';

export function rightsOf(role: Role, scopes: readonly string[] | undefined): ReadonlySet<Right> {
  return new Set(ROLES[role].filter((right) => scopes === undefined || scopes.includes(right)));
}
