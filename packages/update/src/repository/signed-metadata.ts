// Bytes → metadata whose form is sound. Who signed it, and whether it is the right version, is checked in check.ts.
// @tufjs/models knows the format and verifies signatures; it does not look at everything that is believed afterwards: a date
// that is none never expires, a version may be a fraction, and one key under two names counts twice.

import {
  type Metadata,
  MetadataKind,
  Metadata as Models,
  type Root,
  TargetFile,
  Targets,
} from '@tufjs/models';
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
  const targets = parse(file, bytes, (json) => {
    const { signed } = json;
    if (!isObject(signed)) throw new TypeError('signed is not defined');
    const metadata = Models.fromJSON(MetadataKind.Targets, { ...json, signed: { ...signed, targets: {} } });
    return Object.assign(metadata, { signed: makeTargets(signed) });
  });
  const { keys = {}, roles = {} } = targets.signed.delegations ?? {};
  for (const [role, { keyIDs }] of Object.entries(roles)) assertDistinctKeys(file, role, keyIDs, keys);
  return targets;
}

/**
 * Targets from their JSON, in time linear in their number: @tufjs/models copies all of them for each one, so that 5,000 take half
 * a minute to read and as much to verify. For the same reason the JSON is kept, and signatures are verified over it.
 */
export function makeTargets(signed: Json): Targets {
  const { targets: entries = {} } = signed;
  if (!isObject(entries)) throw new TypeError('targets must be an object');
  const targets = Targets.fromJSON({ ...signed, targets: {} });
  for (const [path, entry] of Object.entries(entries)) {
    if (!isObject(entry)) throw new TypeError(`the target ${JSON.stringify(path)} must be an object`);
    const value = TargetFile.fromJSON(path, entry);
    // Not by assignment: a target may be called __proto__.
    Object.defineProperty(targets.targets, path, {
      value,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return Object.assign(targets, { toJSON: () => signed });
}

type Json = Parameters<typeof Models.fromJSON>[1];

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

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
