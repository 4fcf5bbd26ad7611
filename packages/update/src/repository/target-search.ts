// Which role may speak for a target (TUF specification, 5.6.7): delegations are followed depth first in the order in which they
// stand, and the first role that names the target decides. Each role is verified against the delegation by which it was
// reached, every time: a role that two others delegate to is only as good as the one that was asked.

import { posix } from 'node:path';
import type { Metadata, Root, TargetFile, Targets } from '@tufjs/models';
import { assertTarget } from './check.js';
import { alteredTarget, incomplete } from './refusal.js';
import { LIMITS, loadTargets, type TrustedMetadata, type VerifiedFile } from './trusted-metadata.js';

const MAX_ROLES = 32;

/** Roles that were loaded, with the delegators that they were verified against. A family's file may have megabytes. */
const loadedRoles = new WeakMap<TrustedMetadata, Map<string, LoadedRole>>();

interface LoadedRole {
  readonly file: VerifiedFile<Metadata<Targets>>;
  readonly delegators: ReadonlySet<Metadata<Root> | Metadata<Targets>>;
}

export interface FoundTarget {
  readonly target: TargetFile;
  readonly role: string;
}

/** Undefined when no role that may speak for it names it. Throws as loadTargets does. */
export async function findTarget(trusted: TrustedMetadata, path: string): Promise<FoundTarget | undefined> {
  for await (const { role, file } of visitRoles(trusted, path)) {
    const { targets } = file.metadata.signed;
    const target = Object.hasOwn(targets, path) ? targets[path] : undefined;
    if (target !== undefined) return { target, role };
  }
  return undefined;
}

/**
 * Every target in a folder, by path. `sample` is a path in it: the roles that may speak for it are the ones that are asked,
 * and each target they name is then looked up by itself, because a delegation may cover only a part of the folder.
 */
export async function listTargets(trusted: TrustedMetadata, sample: string): Promise<readonly FoundTarget[]> {
  const folder = `${posix.dirname(sample)}/`;
  const paths = new Set<string>();
  for await (const { file } of visitRoles(trusted, sample)) {
    const names = Object.keys(file.metadata.signed.targets);
    for (const path of names) if (path.startsWith(folder)) paths.add(path);
  }
  const found = await Promise.all([...paths].sort().map((path) => findTarget(trusted, path)));
  return found.flatMap((each) => each ?? []);
}

/** Every role with its file, parents first: what a mirror has to hold. */
export async function listRoles(trusted: TrustedMetadata): Promise<readonly VisitedRole[]> {
  const roles = new Map<string, VisitedRole>([['targets', { role: 'targets', file: trusted.targets }]]);
  for (const { file } of roles.values()) {
    const { delegations } = file.metadata.signed;
    const names = delegations?.roles
      ? Object.keys(delegations.roles)
      : (delegations?.succinctRoles?.getRoles() ?? []);
    for (const role of names) {
      const loaded = await loadRole(trusted, role, file.metadata);
      if (!roles.has(role)) roles.set(role, { role, file: loaded });
    }
  }
  return [...roles.values()];
}

/** The bytes of a target, verified. Throws TrustError (`target-altered`, `repository-incomplete`) and as the source does. */
export async function downloadTarget(trusted: TrustedMetadata, target: TargetFile): Promise<Uint8Array> {
  const { source, signal } = trusted.options;
  const path = locateTarget(trusted.root.metadata, target);
  const bytes = await source.readTarget(path, { bytes: Math.min(target.length, LIMITS.target), signal });
  if (bytes === undefined) throw incomplete(target.path, 'does not exist, although it is signed');
  assertTarget(target, bytes);
  return bytes;
}

/** Where the repository has the target, below `targets/`, with its segments encoded. */
export function locateTarget(root: Metadata<Root>, target: TargetFile): string {
  const segments = target.path.split('/');
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw alteredTarget(JSON.stringify(target.path), 'a target with such a path is not taken');
  }
  const [hash] = target.hashes.sha256 === undefined ? Object.values(target.hashes) : [target.hashes.sha256];
  const name = segments.pop() ?? '';
  if (hash === undefined || !/^[0-9a-f]+$/.test(hash)) throw alteredTarget(target.path, 'it has no hash');
  const prefix = root.signed.consistentSnapshot ? `${hash}.` : '';
  return [...segments, `${prefix}${name}`].map(encodeURIComponent).join('/');
}

export interface VisitedRole {
  readonly role: string;
  readonly file: VerifiedFile<Metadata<Targets>>;
}

async function* visitRoles(trusted: TrustedMetadata, path: string): AsyncGenerator<VisitedRole> {
  const visited = new Set<string>();
  const stack: { readonly role: string; readonly delegator: Metadata<Root> | Metadata<Targets> }[] = [
    { role: 'targets', delegator: trusted.root.metadata },
  ];
  for (let next = stack.pop(); next !== undefined && visited.size <= MAX_ROLES; next = stack.pop()) {
    const { role, delegator } = next;
    if (visited.has(role)) continue;
    const file = role === 'targets' ? trusted.targets : await loadRole(trusted, role, delegator);
    visited.add(role);
    yield { role, file };
    const children = [...(file.metadata.signed.delegations?.rolesForTarget(path) ?? [])];
    const last = children.findIndex(({ terminating }) => terminating);
    // A terminating delegation ends the search behind it, also among those that were still waiting.
    if (last >= 0) stack.length = 0;
    const followed = last < 0 ? children : children.slice(0, last + 1);
    for (const child of followed.reverse()) stack.push({ role: child.role, delegator: file.metadata });
  }
}

async function loadRole(
  trusted: TrustedMetadata,
  role: string,
  delegator: Metadata<Root> | Metadata<Targets>,
): Promise<VerifiedFile<Metadata<Targets>>> {
  const roles = loadedRoles.get(trusted) ?? new Map<string, LoadedRole>();
  loadedRoles.set(trusted, roles);
  const known = roles.get(role);
  if (known?.delegators.has(delegator)) return known.file;
  const file = await loadTargets(trusted, role, delegator);
  roles.set(role, {
    file: known?.file ?? file,
    delegators: new Set([...(known?.delegators ?? []), delegator]),
  });
  return known?.file ?? file;
}
