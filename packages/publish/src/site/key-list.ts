// Which keys count for what, now and after the drafts, and where they are.

import { readKeys } from '../key/key-folder.js';
import { nextDocuments, readState, type SiteState } from './documents.js';
import { decodeRoot, decodeTargets, type KeyDocument } from './role-keys.js';
import { findMissing, type MissingSignatures } from './signature-need.js';
import type { Site } from './site.js';

export interface ListedKey {
  readonly role: string;
  /** As it will be after the drafts are published. */
  readonly threshold: number;
  readonly id: string;
  /** `in use`; `waits for publish`: only a draft has it; `until publish`: the draft no longer has it. */
  readonly state: 'in use' | 'waits for publish' | 'until publish';
  /** The key file, when it is in one of the folders. */
  readonly file: string | undefined;
}

export interface ListedDraft {
  readonly name: 'root' | 'targets';
  readonly version: number;
  readonly missing: readonly MissingSignatures[];
}

export interface ListedExpiry {
  readonly role: string;
  readonly version: number;
  readonly expires: string;
}

export interface KeyList {
  readonly keys: readonly ListedKey[];
  readonly drafts: readonly ListedDraft[];
  /** Of all that is published. */
  readonly expiry: readonly ListedExpiry[];
}

export async function listKeys(site: Site, folders: readonly string[], now: Date): Promise<KeyList> {
  const state = await readState(site);
  const next = nextDocuments(state, now);
  const { root, targets } = state.published;
  const current = new Map([
    ...(root === undefined ? [] : decodeRoot(root).roles),
    ...(targets === undefined ? [] : decodeTargets(targets).roles),
  ]);
  const found = await readKeys(folders);
  const files = new Map(found.map(({ id, path }) => [id, path]));
  const coming: KeyDocument['roles'] = new Map([...next.root.roles, ...next.targets.roles]);
  const keys = [...new Set([...coming.keys(), ...current.keys()])].flatMap((role) => {
    const [now, then] = [current.get(role), coming.get(role)];
    const ids = new Set([...(then?.keys.keys() ?? []), ...(now?.keys.keys() ?? [])]);
    return [...ids].map((id): ListedKey => {
      const state = !now?.keys.has(id)
        ? 'waits for publish'
        : then?.keys.has(id)
          ? 'in use'
          : 'until publish';
      return { role, threshold: then?.threshold ?? now?.threshold ?? 1, id, state, file: files.get(id) };
    });
  });
  // No role of the repository, and known to no document: what counts is what machines have enrolled.
  const moduleKeys = found
    .filter(({ key }) => key.type === 'rsa')
    .map(({ id, path }): ListedKey => ({ role: 'mok', threshold: 1, id, state: 'in use', file: path }));
  return { keys: [...keys, ...moduleKeys], drafts: listDrafts(state), expiry: listExpiry(state) };
}

function listDrafts({ published, drafts }: SiteState): readonly ListedDraft[] {
  const next = drafts.root ?? published.root;
  return (['root', 'targets'] as const).flatMap((name) => {
    const draft = drafts[name];
    if (draft === undefined || next === undefined) return [];
    const asking = name === 'root' && published.root !== undefined ? [published.root, next] : [next];
    const missing = asking.flatMap((root) => findMissing(root, name, draft) ?? []);
    return [{ name, version: draft.signed.version, missing }];
  });
}

function listExpiry({ published }: SiteState): readonly ListedExpiry[] {
  const { root, targets, families, snapshot, timestamp } = published;
  const all = [
    ['root', root],
    ['targets', targets],
    ...families,
    ['snapshot', snapshot],
    ['timestamp', timestamp],
  ] as const;
  return all.flatMap(([role, metadata]) =>
    metadata === undefined
      ? []
      : [{ role, version: metadata.signed.version, expires: metadata.signed.expires }],
  );
}
