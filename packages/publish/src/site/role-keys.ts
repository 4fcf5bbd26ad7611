// Which keys stand for which role, as plain data; root.json and targets.json are written from it. Two files hold it: root.json
// for the four roles of every repository, targets.json for the kernel families that it delegates to.

import { InputError, UsageError } from '@resplice/report';
import { familyPattern } from '@resplice/update/repository';
import { type Key, Metadata, Root, Targets } from '@tufjs/models';

export const TOP_ROLES = ['root', 'targets', 'snapshot', 'timestamp'] as const;
export type TopRole = (typeof TOP_ROLES)[number];

/** Of TUF. */
export const SPEC_VERSION = '1.0.31';
const FAMILY = /^linux-\d+\.\d+$/;

export interface RoleKeys {
  readonly threshold: number;
  /** By key id. */
  readonly keys: ReadonlyMap<string, Key>;
}

/** What root.json or targets.json says about roles. */
export interface KeyDocument {
  readonly version: number;
  /** ISO 8601 without milliseconds, as the specification wants it. */
  readonly expires: string;
  readonly roles: ReadonlyMap<string, RoleKeys>;
}

export function isTopRole(role: string): role is TopRole {
  return TOP_ROLES.some((each) => each === role);
}

/** Throws UsageError `no-such-role`. */
export function assertRole(role: string): void {
  if (isTopRole(role) || FAMILY.test(role)) return;
  const message = `${JSON.stringify(role)} is no role; expected root, targets, snapshot, timestamp, or a kernel family such as linux-6.1`;
  throw new UsageError('no-such-role', message);
}

/** `days` after `now`. */
export function expiryAfter(now: Date, days: number): string {
  return new Date(now.getTime() + days * 86_400_000).toISOString().replace(/\.\d+Z$/, 'Z');
}

export function encodeRoot({ version, expires, roles }: KeyDocument): Metadata<Root> {
  const keys = [...roles.values()].flatMap((role) => [...role.keys]);
  const json = {
    _type: 'root',
    spec_version: SPEC_VERSION,
    version,
    expires,
    consistent_snapshot: true,
    keys: Object.fromEntries(keys.map(([id, key]) => [id, key.toJSON()])),
    roles: Object.fromEntries(
      TOP_ROLES.map((name) => {
        const role = roles.get(name);
        return [name, { keyids: [...(role?.keys.keys() ?? [])], threshold: role?.threshold ?? 1 }];
      }),
    ),
  };
  return new Metadata(Root.fromJSON(json));
}

export function decodeRoot({ signed }: Metadata<Root>): KeyDocument {
  const roles = Object.entries(signed.roles).map(([name, { keyIDs, threshold }]) => {
    return [name, { threshold, keys: pickKeys(keyIDs, signed.keys) }] as const;
  });
  return { version: signed.version, expires: signed.expires, roles: new Map(roles) };
}

/** targets.json names no updates itself: each family's own role does. */
export function encodeTargets({ version, expires, roles }: KeyDocument): Metadata<Targets> {
  const keys = [...roles.values()].flatMap((role) => [...role.keys]);
  const json = {
    _type: 'targets',
    spec_version: SPEC_VERSION,
    version,
    expires,
    targets: {},
    delegations: {
      keys: Object.fromEntries(keys.map(([id, key]) => [id, key.toJSON()])),
      roles: [...roles].map(([name, role]) => ({
        name,
        keyids: [...role.keys.keys()],
        threshold: role.threshold,
        terminating: true,
        paths: [familyPattern(name)],
      })),
    },
  };
  return new Metadata(Targets.fromJSON(json));
}

export function decodeTargets({ signed }: Metadata<Targets>): KeyDocument {
  const delegations = signed.delegations;
  const roles = Object.values(delegations?.roles ?? {}).map(({ name, keyIDs, threshold }) => {
    return [name, { threshold, keys: pickKeys(keyIDs, delegations?.keys ?? {}) }] as const;
  });
  return { version: signed.version, expires: signed.expires, roles: new Map(roles) };
}

/** The document with these keys added to the role; a threshold of undefined stays, or is 1 in a new role. */
export function addKeys(
  document: KeyDocument,
  role: string,
  keys: readonly Key[],
  threshold: number | undefined,
): KeyDocument {
  const before = document.roles.get(role);
  const all = new Map([...(before?.keys ?? []), ...keys.map((key) => [key.keyID, key] as const)]);
  return setRole(document, role, { keys: all, threshold: threshold ?? before?.threshold ?? 1 });
}

/** The document with these keys, and no others, in the role. */
export function replaceKeys(
  document: KeyDocument,
  role: string,
  keys: readonly Key[],
  threshold: number | undefined,
): KeyDocument {
  const all = new Map(keys.map((key) => [key.keyID, key]));
  return setRole(document, role, {
    keys: all,
    threshold: threshold ?? document.roles.get(role)?.threshold ?? 1,
  });
}

/** The document without the key, in whatever roles it stood. Throws InputError `key-needed`. */
export function removeKey(document: KeyDocument, id: string): KeyDocument {
  let changed = document;
  for (const [role, { keys, threshold }] of document.roles) {
    if (!keys.has(id)) continue;
    const rest = new Map([...keys].filter(([each]) => each !== id));
    if (rest.size < threshold) {
      const message = `${role} needs ${threshold} of its keys, and without this one it has ${rest.size}; run "resplice keys rotate ${role}" instead, or first "resplice keys make ${role}"`;
      throw new InputError('key-needed', message, { context: { role } });
    }
    changed = setRole(changed, role, { keys: rest, threshold });
  }
  return changed;
}

function setRole(document: KeyDocument, role: string, keys: RoleKeys): KeyDocument {
  if (keys.threshold > keys.keys.size || keys.threshold < 1) {
    const message = `${role} would need ${keys.threshold} signatures and has ${keys.keys.size} keys; give a threshold between 1 and that number`;
    throw new UsageError('threshold-out-of-range', message);
  }
  return { ...document, roles: new Map([...document.roles, [role, keys]]) };
}

function pickKeys(ids: readonly string[], keys: Readonly<Record<string, Key>>): ReadonlyMap<string, Key> {
  return new Map(ids.flatMap((id) => (keys[id] === undefined ? [] : [[id, keys[id]] as const])));
}
