// What an operator does with keys: make, rotate, revoke, renew, sign. All of it changes drafts only; `publish` brings a draft
// into the world once it has all its signatures. So a ceremony may take days, on several machines: the draft folder is carried
// to where the keys are, signed there, and carried back.

import { InputError } from '@resplice/report';
import type { Key } from '@tufjs/models';
import { type KeyFile, makeKey, openKey, type Passphrases, readKeys } from '../key/key-folder.js';
import { addSignature, encodeMetadata, publicKeyOf, tufKey } from '../key/tuf-key.js';
import { draftDocuments, type KeyDocuments, nextDocuments, nextRoot, readState } from './documents.js';
import { addKeys, assertRole, isTopRole, type KeyDocument, removeKey, replaceKeys } from './role-keys.js';
import { findMissing, type MissingSignatures } from './signature-need.js';
import { type Site, withSiteLock, writeDraft } from './site.js';

export interface CeremonyOptions {
  readonly site: Site;
  /** Where keys are read from; new ones go into the first. */
  readonly folders: readonly string[];
  readonly passphrases: Passphrases;
  readonly now: Date;
  /** Of scrypt; lowered only by tests. */
  readonly cost?: number | undefined;
}

export interface KeyRequest {
  readonly roles: readonly string[];
  /** How many keys for each role. */
  readonly count: number | undefined;
  /** How many of the role's keys have to sign; undefined leaves it, or is 1. */
  readonly threshold: number | undefined;
}

export interface MadeKey {
  readonly role: string;
  readonly file: KeyFile;
}

/** New keys, added to those that their roles have; one for each role unless `count` says otherwise. */
export function makeRoleKeys(request: KeyRequest, options: CeremonyOptions): Promise<readonly MadeKey[]> {
  return changeRoles(request, options, addKeys, () => 1);
}

/** New keys in the place of all that the role has; as many as before unless `count` says otherwise. */
export function rotateRoleKeys(request: KeyRequest, options: CeremonyOptions): Promise<readonly MadeKey[]> {
  return changeRoles(request, options, replaceKeys, (document, role) => {
    const { size = 0 } = document.roles.get(role)?.keys ?? {};
    if (size > 0) return size;
    const message = `${role} has no keys to rotate; make them with "resplice keys make ${role}"`;
    throw new InputError('no-keys', message, { context: { role } });
  });
}

export interface RevokedKey {
  readonly id: string;
  readonly roles: readonly string[];
}

/** Takes a key out of every role. `name` is its id, the beginning of it, or the name of its file. Throws InputError. */
export function revokeKey(name: string, { site, now }: CeremonyOptions): Promise<RevokedKey> {
  return withSiteLock(site, async () => {
    const documents = nextDocuments(await readState(site), now);
    const roles = [...documents.root.roles, ...documents.targets.roles];
    const id = findKeyId(name, new Set(roles.flatMap(([, { keys }]) => [...keys.keys()])));
    const held = roles.filter(([, { keys }]) => keys.has(id)).map(([role]) => role);
    const changed = { root: removeKey(documents.root, id), targets: removeKey(documents.targets, id) };
    await draftDocuments(site, changed, held);
    return { id, roles: held };
  });
}

/** Drafts of root and targets with the same keys and a new date of expiry. */
export function renewDocuments({ site, now }: CeremonyOptions): Promise<void> {
  return withSiteLock(site, async () => {
    const state = await readState(site);
    nextRoot(state);
    await draftDocuments(site, nextDocuments(state, now), ['root', 'targets']);
  });
}

export interface SignedDraft {
  readonly name: 'root' | 'targets';
  readonly version: number;
  /** Names of the keys that signed now. */
  readonly signedBy: readonly string[];
  /** Empty when it can be published. */
  readonly missing: readonly MissingSignatures[];
}

/**
 * Signs the drafts with every key at hand that counts for them: for the root that clients have now, and for the next one. So
 * clients on both sides of the change find what they accept.
 */
export function signDrafts(options: CeremonyOptions): Promise<readonly SignedDraft[]> {
  const { site, folders, passphrases } = options;
  return withSiteLock(site, async () => {
    const state = await readState(site);
    const files = await readKeys(folders);
    const known = new Set<string>();
    const results: SignedDraft[] = [];
    for (const name of ['root', 'targets'] as const) {
      const draft = state.drafts[name];
      if (draft === undefined) continue;
      const next = nextRoot(state);
      const present = state.published.root;
      const delegators = present === undefined || present === next ? [next] : [present, next];
      const counted = new Set(delegators.flatMap(({ signed }) => signed.roles[name]?.keyIDs ?? []));
      const signedBy: string[] = [];
      for (const file of files.filter(({ id }) => counted.has(id))) {
        addSignature(draft, await openKey(file, passphrases, known));
        signedBy.push(file.key.name);
      }
      if (signedBy.length > 0) await writeDraft(site, name, encodeMetadata(draft));
      // A new root needs the old keys and the new ones; targets only those of the root that it is published with.
      const asking = name === 'root' ? delegators : [next];
      const missing = asking.flatMap((delegator) => findMissing(delegator, name, draft) ?? []);
      results.push({ name, version: draft.signed.version, signedBy, missing });
    }
    return results;
  });
}

type Change = (
  document: KeyDocument,
  role: string,
  keys: readonly Key[],
  threshold: number | undefined,
) => KeyDocument;

async function changeRoles(
  { roles, count, threshold }: KeyRequest,
  { site, folders, passphrases, now, cost }: CeremonyOptions,
  change: Change,
  defaultCount: (document: KeyDocument, role: string) => number,
): Promise<readonly MadeKey[]> {
  for (const role of roles) assertRole(role);
  return withSiteLock(site, async () => {
    let documents: KeyDocuments = nextDocuments(await readState(site), now);
    const [folder = site.keys] = folders;
    const passphrase = await passphrases.forNewKeys();
    const made: MadeKey[] = [];
    for (const role of roles) {
      const which = isTopRole(role) ? 'root' : 'targets';
      const number = count ?? defaultCount(documents[which], role);
      const files: KeyFile[] = [];
      for (let index = 0; index < number; index += 1) {
        files.push(await makeKey(folder, role, passphrase, { now, cost }));
      }
      const keys = files.map(({ key }) => tufKey(publicKeyOf(key)));
      documents = { ...documents, [which]: change(documents[which], role, keys, threshold) };
      made.push(...files.map((file) => ({ role, file })));
    }
    await draftDocuments(site, documents, roles);
    return made;
  });
}

function findKeyId(name: string, ids: ReadonlySet<string>): string {
  // The name of a key file ends with the beginning of the key's id.
  const start = name.slice(name.lastIndexOf('-') + 1);
  const found = start.length < 4 ? [] : [...ids].filter((id) => id.startsWith(start));
  const [id] = found;
  if (id !== undefined && found.length === 1) return id;
  const problem = found.length === 0 ? 'no role has such a key' : 'several keys begin so';
  const message = `${JSON.stringify(name)}: ${problem}; "resplice keys list" shows them`;
  throw new InputError('no-such-key', message, { context: { name } });
}
