// What a publication is asked for, and signing its parts with the keys that are at hand.

import { EnvironmentError } from '@resplice/report';
import type { Metadata, Root, Snapshot, TargetFile, Targets, Timestamp } from '@tufjs/models';
import { addSignature, type Signer } from '../key/tuf-key.js';
import type { SiteState } from './documents.js';
import { findMissing } from './signature-need.js';
import type { Validity } from './validity.js';

export interface AddedUpdate {
  readonly family: string;
  readonly target: TargetFile;
  readonly bytes: Uint8Array;
  /** That its target names; written beside it. Paths are relative to `targets/`. */
  readonly deltas?: readonly { readonly path: string; readonly bytes: Uint8Array }[];
}

export interface PublicationRequest {
  readonly state: SiteState;
  readonly added: readonly AddedUpdate[];
  /** Paths of targets, or ids of updates. */
  readonly withdrawn: readonly string[];
  readonly now: Date;
  readonly validity: Validity;
  /** The signer with this key id; undefined when its key is not at hand. */
  readonly signer: (keyId: string) => Promise<Signer | undefined>;
}

/** Signs with the keys of the delegator and, for roles of root, with those of the root that clients may still have. */
export async function signFor(
  { state, signer }: PublicationRequest,
  role: string,
  metadata: Metadata<Targets> | Metadata<Snapshot> | Metadata<Timestamp>,
  delegator: Metadata<Root> | Metadata<Targets>,
): Promise<void> {
  const old =
    delegator.signed.type === 'root' ? (state.published.root?.signed.roles[role]?.keyIDs ?? []) : [];
  for (const id of new Set([...keysOf(delegator, role), ...old])) {
    const found = await signer(id);
    if (found !== undefined) addSignature(metadata, found);
  }
  const missing = findMissing(delegator, role, metadata);
  if (missing === undefined) return;
  const ids = missing.keys.map((id) => id.slice(0, 8)).join(', ');
  const message = `${role} needs ${missing.needed} signatures, and keys for ${missing.present} are here; name the folder that has more of them (${ids}) with --keys`;
  throw new EnvironmentError('signing-key-missing', message, { context: { role, keys: missing.keys } });
}

/** Whether enough keys of a family are at hand. */
export async function canSign(
  { signer }: PublicationRequest,
  targets: Metadata<Targets>,
  role: string,
): Promise<boolean> {
  const found = await Promise.all(keysOf(targets, role).map(signer));
  const threshold = targets.signed.delegations?.roles?.[role]?.threshold ?? 1;
  return found.filter((each) => each !== undefined).length >= threshold;
}

function keysOf({ signed }: Metadata<Root> | Metadata<Targets>, role: string): readonly string[] {
  const roles = signed.type === 'root' ? signed.roles : (signed.delegations?.roles ?? {});
  return roles[role]?.keyIDs ?? [];
}
