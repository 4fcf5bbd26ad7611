// The client workflow of the TUF specification (section 5): from a root that was handed over by trustworthy means to metadata
// that may be believed, whatever the server, the network or the mirror does. Each step downloads, runs its checks, and only
// then replaces what was trusted; so whatever is refused leaves the state as it was.
//
// The formats and signatures are @tufjs/models'; the order is here and not tuf-js' Updater, because that one verifies a role
// found a second time only against the delegation by which it was found first (it fails that case of the TUF conformance
// suite), writes its state in place, cannot list targets, and hides most failures in one class. In tests tuf-js reads what
// we publish, and the conformance suite is run against this client (docs/testing.md).

import type { Metadata, MetaFile, Root, Snapshot, Targets, Timestamp } from '@tufjs/models';
import { MAX_UPDATE_SIZE } from '../archive.js';
import {
  assertAsRecorded,
  assertNextRoot,
  assertNotExpired,
  assertRecordedVersion,
  assertSigned,
  assertSnapshotNotOlder,
  assertTimestampNotOlder,
} from './check.js';
import type { MetadataStore } from './metadata-store.js';
import { damagedState, incomplete, inconsistent, rolledBack } from './refusal.js';
import { parseRoot, parseSnapshot, parseTargets, parseTimestamp } from './signed-metadata.js';
import type { RepositorySource } from './source.js';

/**
 * Bytes at most, whatever length metadata gives: who has stolen an online key must not fill the memory of machines either. And how
 * many new roots one run follows.
 */
export const LIMITS = {
  root: 512_000,
  timestamp: 16_384,
  snapshot: 2_000_000,
  /** About ten thousand updates. */
  targets: 5_000_000,
  target: MAX_UPDATE_SIZE,
  rotations: 256,
} as const;

export interface TrustOptions {
  readonly source: RepositorySource;
  readonly store: MetadataStore;
  /** The root that was handed over; used as long as the store has none. */
  readonly root: Uint8Array;
  /** Follows the roots from the one that was handed over even when a later one is trusted already: a mirror needs all. */
  readonly wholeChain?: boolean;
  readonly now: Date;
  readonly signal?: AbortSignal | undefined;
}

/** A metadata file as it was verified. */
export interface VerifiedFile<T> {
  readonly bytes: Uint8Array;
  readonly metadata: T;
}

export interface TrustedMetadata {
  readonly options: TrustOptions;
  readonly root: VerifiedFile<Metadata<Root>>;
  /** Every root from the first that was believed to the newest, oldest first. */
  readonly roots: readonly VerifiedFile<Metadata<Root>>[];
  readonly timestamp: VerifiedFile<Metadata<Timestamp>>;
  readonly snapshot: VerifiedFile<Metadata<Snapshot>>;
  readonly targets: VerifiedFile<Metadata<Targets>>;
}

/** Throws TrustError and UnreachableError as refusal.ts names them, and as the store does. */
export async function refreshMetadata(options: TrustOptions): Promise<TrustedMetadata> {
  const roots = await updateRoot(options);
  const root = roots[roots.length - 1] ?? roots[0];
  assertNotExpired(root.metadata, options.now, 'root.json');
  const timestamp = await updateTimestamp(options, root.metadata);
  const snapshot = await updateSnapshot(options, root.metadata, timestamp.metadata);
  const targets = await loadTargets({ options, root, snapshot }, 'targets', root.metadata);
  return { options, root, roots, timestamp, snapshot, targets };
}

type Roots = readonly [VerifiedFile<Metadata<Root>>, ...VerifiedFile<Metadata<Root>>[]];

/** 5.2 and 5.3: the trusted root, then each later one that the one before vouches for. */
async function updateRoot({ source, store, root, wholeChain, signal }: TrustOptions): Promise<Roots> {
  const kept = readKeptRoot(store);
  const first = wholeChain === true || kept === undefined ? verifyRoot(root) : kept;
  const keptVersion = kept?.metadata.signed.version ?? 0;
  let trusted = first.metadata;
  const roots: [VerifiedFile<Metadata<Root>>, ...VerifiedFile<Metadata<Root>>[]] = [first];
  while (roots.length <= LIMITS.rotations) {
    const file = `${trusted.signed.version + 1}.root.json`;
    const bytes = await source.readMetadata(file, { bytes: LIMITS.root, signal });
    if (bytes === undefined) break;
    const next = parseRoot(bytes, file);
    assertSigned(trusted, 'root', next, file);
    assertSigned(next, 'root', next, file);
    assertNextRoot(trusted, next, file);
    if (next.signed.version > keptVersion) {
      await forgetRotated(store, trusted, next);
      await store.write('root', bytes);
    }
    trusted = next;
    roots.push({ bytes, metadata: next });
  }
  if (trusted.signed.version < keptVersion) {
    throw rolledBack('root.json', `version ${trusted.signed.version}, seen before: ${keptVersion}`);
  }
  // A root that was handed over is remembered only here: it is what a later run starts from.
  if (store.read('root') === undefined) await store.write('root', first.bytes);
  return roots;
}

function readKeptRoot(store: MetadataStore): VerifiedFile<Metadata<Root>> | undefined {
  const bytes = store.read('root');
  if (bytes === undefined) return undefined;
  try {
    return verifyRoot(bytes);
  } catch (cause) {
    throw damagedState(cause);
  }
}

function verifyRoot(bytes: Uint8Array): VerifiedFile<Metadata<Root>> {
  const metadata = parseRoot(bytes, 'root.json');
  assertSigned(metadata, 'root', metadata, 'root.json');
  return { bytes, metadata };
}

/**
 * 5.3.11: new keys for timestamp or snapshot end the memory of their versions. It is the way out of a fast-forward attack, in
 * which stolen keys signed versions so high that nothing later would be accepted. Before the new root is remembered, so that
 * a run that dies in between does it again.
 */
async function forgetRotated(
  store: MetadataStore,
  trusted: Metadata<Root>,
  next: Metadata<Root>,
): Promise<void> {
  const rotated = ['timestamp', 'snapshot'].some(
    (role) => listKeys(trusted, role).join() !== listKeys(next, role).join(),
  );
  if (!rotated) return;
  await store.remove('timestamp');
  await store.remove('snapshot');
}

function listKeys(root: Metadata<Root>, role: string): readonly string[] {
  const ids = root.signed.roles[role]?.keyIDs ?? [];
  return ids.map((id) => root.signed.keys[id]?.keyVal.public ?? id).sort();
}

/** What the store has for the role, when it still passes `verify`; a stored file that does not is as good as none. */
function readTrusted<T>(store: MetadataStore, role: string, verify: (bytes: Uint8Array) => T) {
  const bytes = store.read(role);
  if (bytes === undefined) return undefined;
  try {
    return { bytes, metadata: verify(bytes) };
  } catch {
    // Signed by keys that are no longer trusted, or damaged: it protects from nothing, and a new one is checked as the first.
    return undefined;
  }
}

/** 5.4 */
async function updateTimestamp(
  { source, store, now, signal }: TrustOptions,
  root: Metadata<Root>,
): Promise<VerifiedFile<Metadata<Timestamp>>> {
  const file = 'timestamp.json';
  const verify = (bytes: Uint8Array): Metadata<Timestamp> => {
    const timestamp = parseTimestamp(bytes, file);
    assertSigned(root, 'timestamp', timestamp, file);
    return timestamp;
  };
  const trusted = readTrusted(store, 'timestamp', verify);
  const bytes = await source.readMetadata(file, { bytes: LIMITS.timestamp, signal });
  if (bytes === undefined) {
    throw incomplete(`${source.name}/metadata/${file}`, 'does not exist; check that this is a repository');
  }
  const next = verify(bytes);
  if (trusted !== undefined) assertTimestampNotOlder(trusted.metadata, next, file);
  if (trusted?.metadata.signed.version === next.signed.version) {
    assertNotExpired(trusted.metadata, now, file);
    return trusted;
  }
  assertNotExpired(next, now, file);
  await store.write('timestamp', bytes);
  return { bytes, metadata: next };
}

/** 5.5 */
async function updateSnapshot(
  { source, store, now, signal }: TrustOptions,
  root: Metadata<Root>,
  timestamp: Metadata<Timestamp>,
): Promise<VerifiedFile<Metadata<Snapshot>>> {
  const recorded = timestamp.signed.snapshotMeta;
  const verify = (bytes: Uint8Array, file: string): Metadata<Snapshot> => {
    const snapshot = parseSnapshot(bytes, file);
    assertSigned(root, 'snapshot', snapshot, file);
    return snapshot;
  };
  const trusted = readTrusted(store, 'snapshot', (bytes) => verify(bytes, 'snapshot.json'));
  if (trusted?.metadata.signed.version === recorded.version && isRecorded(recorded, trusted.bytes)) {
    assertNotExpired(trusted.metadata, now, 'snapshot.json');
    return trusted;
  }
  const file = nameFile(root, recorded, 'snapshot');
  const bytes = await source.readMetadata(file, { bytes: limit(recorded, LIMITS.snapshot), signal });
  if (bytes === undefined) throw incomplete(file, 'does not exist, although the timestamp names it');
  assertAsRecorded(recorded, bytes, file);
  const next = verify(bytes, file);
  assertRecordedVersion(recorded, next, file);
  if (trusted !== undefined) assertSnapshotNotOlder(trusted.metadata, next, file);
  assertNotExpired(next, now, file);
  await store.write('snapshot', bytes);
  return { bytes, metadata: next };
}

/** 5.6.1 to 5.6.6, for the top role and for delegated ones alike. */
export async function loadTargets(
  { options, root, snapshot }: Pick<TrustedMetadata, 'options' | 'root' | 'snapshot'>,
  role: string,
  delegator: Metadata<Root> | Metadata<Targets>,
): Promise<VerifiedFile<Metadata<Targets>>> {
  const { source, store, now, signal } = options;
  const { meta } = snapshot.metadata.signed;
  const recorded = Object.hasOwn(meta, `${role}.json`) ? meta[`${role}.json`] : undefined;
  if (recorded === undefined) throw inconsistent(`${role}.json`, 'the snapshot does not name it');
  const verify = (bytes: Uint8Array, file: string): Metadata<Targets> => {
    assertAsRecorded(recorded, bytes, file);
    const targets = parseTargets(bytes, file);
    assertSigned(delegator, role, targets, file);
    assertRecordedVersion(recorded, targets, file);
    assertNotExpired(targets, now, file);
    return targets;
  };
  const trusted = readTrusted(store, role, (bytes) => verify(bytes, `${role}.json`));
  if (trusted !== undefined) return trusted;
  const file = nameFile(root.metadata, recorded, role);
  const bytes = await source.readMetadata(file, { bytes: limit(recorded, LIMITS.targets), signal });
  if (bytes === undefined) throw incomplete(file, 'does not exist, although the snapshot names it');
  const metadata = verify(bytes, file);
  await store.write(role, bytes);
  return { bytes, metadata };
}

function limit({ length }: MetaFile, most: number): number {
  return Math.min(length ?? most, most);
}

function isRecorded(recorded: MetaFile, bytes: Uint8Array): boolean {
  try {
    assertAsRecorded(recorded, bytes, 'snapshot.json');
    return true;
  } catch {
    // Another file of the same version: the new one is downloaded and has to stand the comparison with this one.
    return false;
  }
}

/** Name of a metadata file in the repository; the role is encoded, so it never leaves the folder. */
export function nameFile(root: Metadata<Root>, recorded: MetaFile, role: string): string {
  const name = `${encodeURIComponent(role)}.json`;
  return root.signed.consistentSnapshot ? `${recorded.version}.${name}` : name;
}
