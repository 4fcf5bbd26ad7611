// Bytes → metadata whose form is sound. Who signed it, and whether it is the right version, is checked in check.ts.
// @tufjs/models knows the format and verifies signatures; it does not look at everything that is believed afterwards: a date
// that is none never expires, a version may be a fraction, and one key under two names counts twice.

import { type Metadata, MetadataKind, Metadata as Models, type Root, type Targets } from '@tufjs/models';
import { malformed } from './refusal.js';

const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

interface Signed {
  readonly version: number;
  readonly expires: string;
}

export function parseRoot(bytes: Uint8Array, file: string): Metadata<Root> {
  const root = parse(file, bytes, (json) => Models.fromJSON(MetadataKind.Root, json));
  for (const [role, { keyIDs }] of Object.entries(root.signed.roles)) {
    assertDistinctKeys(file, role, keyIDs, root.signed.keys);
  }
  return root;
}

export function parseTimestamp(bytes: Uint8Array, file: string) {
  return parse(file, bytes, (json) => Models.fromJSON(MetadataKind.Timestamp, json));
}

export function parseSnapshot(bytes: Uint8Array, file: string) {
  return parse(file, bytes, (json) => Models.fromJSON(MetadataKind.Snapshot, json));
}

export function parseTargets(bytes: Uint8Array, file: string): Metadata<Targets> {
  const targets = parse(file, bytes, (json) => Models.fromJSON(MetadataKind.Targets, json));
  const { keys = {}, roles = {} } = targets.signed.delegations ?? {};
  for (const [role, { keyIDs }] of Object.entries(roles)) assertDistinctKeys(file, role, keyIDs, keys);
  return targets;
}

type Json = Parameters<typeof Models.fromJSON>[1];

function parse<T extends { readonly signed: Signed }>(
  file: string,
  bytes: Uint8Array,
  build: (json: Json) => T,
): T {
  let metadata: T;
  try {
    metadata = build(JSON.parse(Buffer.from(bytes).toString('utf8')));
  } catch (cause) {
    throw malformed(file, cause instanceof Error ? cause.message : String(cause), cause);
  }
  const { version, expires } = metadata.signed;
  if (!Number.isSafeInteger(version) || version < 1) throw malformed(file, `its version is ${version}`);
  if (!DATE.test(expires) || Number.isNaN(Date.parse(expires))) {
    throw malformed(file, `it expires at ${JSON.stringify(expires)}, which is no time`);
  }
  return metadata;
}

/** A threshold counts keys, so the same key must not stand in a role under two names. */
function assertDistinctKeys(
  file: string,
  role: string,
  keyIds: readonly string[],
  keys: Readonly<Record<string, { readonly keyVal: Readonly<Record<string, string>> }>>,
): void {
  const known = keyIds.flatMap((id) => (Object.hasOwn(keys, id) ? [keys[id]?.keyVal.public] : []));
  if (new Set(known).size !== known.length)
    throw malformed(file, `one key counts twice for the role ${role}`);
}
