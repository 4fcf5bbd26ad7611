// How many signatures a document still lacks, and whose would count.

import type { Metadata, Root, Snapshot, Targets, Timestamp } from '@tufjs/models';

export interface MissingSignatures {
  readonly role: string;
  /** The version of root.json or targets.json that asks for them. */
  readonly by: string;
  readonly needed: number;
  readonly present: number;
  /** Ids of keys that could sign and have not. */
  readonly keys: readonly string[];
}

/** Undefined when the threshold that the delegator sets is reached. */
export function findMissing(
  delegator: Metadata<Root> | Metadata<Targets>,
  role: string,
  metadata: Metadata<Root> | Metadata<Targets> | Metadata<Snapshot> | Metadata<Timestamp>,
): MissingSignatures | undefined {
  const { signed } = delegator;
  const [roles, keys] =
    signed.type === 'root'
      ? [signed.roles, signed.keys]
      : [signed.delegations?.roles ?? {}, signed.delegations?.keys ?? {}];
  const { keyIDs = [], threshold = 1 } = roles[role] ?? {};
  const valid = keyIDs.filter((id) => {
    try {
      keys[id]?.verifySignature(metadata);
      return keys[id] !== undefined;
    } catch {
      // No signature of this key, or one over other content.
      return false;
    }
  });
  if (valid.length >= threshold) return undefined;
  const by = `${signed.type} ${signed.version}`;
  return {
    role,
    by,
    needed: threshold,
    present: valid.length,
    keys: keyIDs.filter((id) => !valid.includes(id)),
  };
}
