// Who may do what, in one table. Every route names the right it asks for, and the dashboard shows what the rights of its user allow.

export const RIGHTS = {
  read: 'see machines, groups, updates and figures of the own organisation',
  machines: 'authorise, group, tag and hide machines; change groups',
  keys: 'make and revoke access keys',
  withdraw: 'take an update back from all machines',
  rollout: 'release updates to rings',
  artefacts: 'put and remove artefacts',
  factory: 'say what the factory works on: watches, releases, priorities, retries',
  review: 'approve, send back and refuse candidates of the factory; publish what is approved',
  audit: 'read the audit log',
  settings: 'change how the organisation works; webhooks',
  users: 'make, change and remove users and their tokens',
} as const;

export type Right = keyof typeof RIGHTS;
export const ALL_RIGHTS = Object.keys(RIGHTS) as [Right, ...Right[]];

export const ROLES = {
  viewer: ['read'],
  operator: ['read', 'machines', 'keys', 'withdraw'],
  reviewer: ['read', 'withdraw', 'rollout', 'artefacts', 'factory', 'review', 'audit'],
  admin: ALL_RIGHTS,
} as const satisfies Readonly<Record<string, readonly Right[]>>;

export type Role = keyof typeof ROLES;
export const ALL_ROLES = Object.keys(ROLES) as [Role, ...Role[]];
