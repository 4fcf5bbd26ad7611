// The checks of the TUF specification's client workflow (section 5), one function for each step, named with its number. Each
// returns or throws one of refusal.ts; none changes anything, so that the order in trusted-metadata.ts can be read as a list.

import { createHash } from 'node:crypto';
import type { Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp } from '@tufjs/models';
import { alteredTarget, expired, inconsistent, rolledBack, unsigned } from './refusal.js';

type AnyMetadata = Metadata<Root> | Metadata<Timestamp> | Metadata<Snapshot> | Metadata<Targets>;

/** 5.3.4, 5.4.2, 5.5.3, 5.6.3: a threshold of the keys that the delegator names for the role has signed it. */
export function assertSigned(
  delegator: Metadata<Root> | Metadata<Targets>,
  role: string,
  metadata: AnyMetadata,
  file: string,
): void {
  try {
    delegator.verifyDelegate(role, metadata);
  } catch (cause) {
    throw unsigned(file, cause instanceof Error ? cause.message : String(cause));
  }
}

/** 5.3.5: a new root is exactly the next one. */
export function assertNextRoot(trusted: Metadata<Root>, next: Metadata<Root>, file: string): void {
  const expected = trusted.signed.version + 1;
  const { version } = next.signed;
  if (version < expected) throw rolledBack(file, `version ${version}, expected ${expected}`);
  if (version > expected) throw inconsistent(file, `version ${version}, expected ${expected}`);
}

/** 5.3.10, 5.4.4, 5.5.6, 5.6.5: freeze attack. */
export function assertNotExpired(metadata: AnyMetadata, now: Date, file: string): void {
  if (metadata.signed.isExpired(now)) throw expired(file, metadata.signed.expires, now);
}

/** 5.4.3: neither the timestamp nor the snapshot it names is older than the trusted one. */
export function assertTimestampNotOlder(
  trusted: Metadata<Timestamp>,
  next: Metadata<Timestamp>,
  file: string,
): void {
  const pairs = [
    ['version', trusted.signed.version, next.signed.version],
    ['the snapshot in it has version', trusted.signed.snapshotMeta.version, next.signed.snapshotMeta.version],
  ] as const;
  for (const [what, seen, found] of pairs) {
    if (found < seen) throw rolledBack(file, `${what} ${found}, seen before: ${seen}`);
  }
}

/** 5.5.2, 5.6.2: length and hash are those that the timestamp or snapshot names, where it does. */
export function assertAsRecorded(recorded: MetaFile, bytes: Uint8Array, file: string): void {
  try {
    recorded.verify(Buffer.from(bytes));
  } catch (cause) {
    throw inconsistent(file, cause instanceof Error ? cause.message : String(cause));
  }
}

/** 5.5.4, 5.6.4: the version is the one that the timestamp or snapshot names. */
export function assertRecordedVersion(
  recorded: MetaFile,
  metadata: Metadata<Snapshot> | Metadata<Targets>,
  file: string,
): void {
  const { version } = metadata.signed;
  if (version !== recorded.version) {
    throw inconsistent(file, `version ${version}, expected ${recorded.version}`);
  }
}

/** 5.5.5: every file of the trusted snapshot is still there, and none is older. */
export function assertSnapshotNotOlder(
  trusted: Metadata<Snapshot>,
  next: Metadata<Snapshot>,
  file: string,
): void {
  for (const [name, { version: seen }] of Object.entries(trusted.signed.meta)) {
    const found = Object.hasOwn(next.signed.meta, name) ? next.signed.meta[name] : undefined;
    if (found === undefined) throw rolledBack(file, `${name} is no longer in it`);
    if (found.version < seen) {
      throw rolledBack(file, `it has ${name} in version ${found.version}, seen before: ${seen}`);
    }
  }
}

/** 5.7.2: the target is what its metadata says. A target without a hash that we know is refused. */
export function assertTarget(target: TargetFile, bytes: Uint8Array): void {
  if (bytes.length !== target.length) {
    throw alteredTarget(target.path, `it has ${bytes.length} bytes, expected ${target.length}`);
  }
  const hashes = Object.entries(target.hashes);
  if (hashes.length === 0) throw alteredTarget(target.path, 'no hash of it was signed');
  for (const [algorithm, expected] of hashes) {
    if (algorithm !== 'sha256' && algorithm !== 'sha512') {
      throw alteredTarget(target.path, `the hash ${JSON.stringify(algorithm)} is not known`);
    }
    const found = createHash(algorithm).update(bytes).digest('hex');
    if (found !== expected) throw alteredTarget(target.path, `${algorithm} ${found}, expected ${expected}`);
  }
}
