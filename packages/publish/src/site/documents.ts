// The two documents that say which keys count, as they will be next: the draft when there is one, else a new version of what
// is published, else the first. A draft that is changed loses its signatures, because they were over something else.

import { InputError } from '@resplice/report';
import type { Metadata, Root } from '@tufjs/models';
import { encodeMetadata } from '../key/tuf-key.js';
import {
  decodeRoot,
  decodeTargets,
  encodeRoot,
  encodeTargets,
  expiryAfter,
  isTopRole,
  type KeyDocument,
  TOP_ROLES,
} from './role-keys.js';
import { type Drafts, type Published, readDrafts, readPublished, type Site, writeDraft } from './site.js';
import { VALID_DAYS } from './validity.js';

export interface SiteState {
  readonly published: Published;
  readonly drafts: Drafts;
}

export interface KeyDocuments {
  readonly root: KeyDocument;
  readonly targets: KeyDocument;
}

export async function readState(site: Site): Promise<SiteState> {
  const published = await readPublished(site);
  return { published, drafts: await readDrafts(site, published) };
}

/** Both documents in the version that a change would have. */
export function nextDocuments({ published, drafts }: SiteState, now: Date): KeyDocuments {
  const root = drafts.root ?? published.root;
  const targets = drafts.targets ?? published.targets;
  const after = (old: { readonly signed: { readonly version: number } } | undefined): number =>
    (old?.signed.version ?? 0) + 1;
  return {
    root: {
      roles: root === undefined ? new Map() : decodeRoot(root).roles,
      version: after(published.root),
      expires: expiryAfter(now, VALID_DAYS.root),
    },
    targets: {
      roles: targets === undefined ? new Map() : decodeTargets(targets).roles,
      version: after(published.targets),
      expires: expiryAfter(now, VALID_DAYS.targets),
    },
  };
}

/** Drafts of the documents that these roles stand in. New keys for targets have to sign targets.json as well. */
export async function draftDocuments(
  site: Site,
  documents: KeyDocuments,
  changed: readonly string[],
): Promise<void> {
  if (changed.some(isTopRole)) await writeDraft(site, 'root', encodeMetadata(encodeRoot(documents.root)));
  if (changed.some((role) => role === 'targets' || !isTopRole(role))) {
    await writeDraft(site, 'targets', encodeMetadata(encodeTargets(documents.targets)));
  }
}

/** The root that clients will have after the next `publish`. Throws InputError `roles-without-keys`. */
export function nextRoot({ published, drafts }: SiteState): Metadata<Root> {
  const root = drafts.root ?? published.root;
  const empty = TOP_ROLES.filter((role) => (root?.signed.roles[role]?.keyIDs.length ?? 0) === 0);
  if (root !== undefined && empty.length === 0) return root;
  const message = `there are no keys yet for: ${empty.join(', ')}; make them with "resplice keys make ${empty.join(' ')}"`;
  throw new InputError('roles-without-keys', message);
}
