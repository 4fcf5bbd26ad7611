// A repository in memory that a test can bend in every way: keys, thresholds, versions, expiry, single bytes. It signs what it
// is told, right or wrong; the publishing side has its own tests.

import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import {
  Key,
  Metadata,
  MetaFile,
  Root,
  Signature,
  Snapshot,
  TargetFile,
  Targets,
  Timestamp,
} from '@tufjs/models';
import type { MetadataStore, ReadLimit, RepositorySource } from '../../src/repository/index.js';
import { endless } from '../../src/repository/refusal.js';

export interface TestKey {
  readonly key: Key;
  readonly secret: KeyObject;
}

export const NOW = new Date('2026-11-25T12:00:00Z');
export const LATER = '2027-11-25T12:00:00Z';
const SPEC = '1.0.31';

type Top = 'root' | 'targets' | 'snapshot' | 'timestamp';
const TOP: readonly Top[] = ['root', 'targets', 'snapshot', 'timestamp'];

let count = 0;
export function makeKey(): TestKey {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const hex = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex');
  count += 1;
  const options = { keyID: `key-${count}`, keyType: 'ed25519', scheme: 'ed25519', keyVal: { public: hex } };
  return { key: new Key(options), secret: privateKey };
}

export function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export interface Delegation {
  readonly name: string;
  readonly paths: readonly string[];
  readonly terminating?: boolean;
  readonly threshold?: number;
}

export class SimulatedRepository {
  readonly files = new Map<string, Uint8Array>();
  readonly targetFiles = new Map<string, Uint8Array>();
  /** Files that were asked for, in order. */
  readonly requests: string[] = [];
  /** Who signs each role; by default those that the root names. */
  signers: Record<Top, TestKey[]>;
  roleSigners = new Map<string, TestKey[]>();
  root: Root;
  timestamp = new Timestamp({ version: 1, specVersion: SPEC, expires: LATER });
  snapshot = new Snapshot({ version: 1, specVersion: SPEC, expires: LATER, meta: {} });
  targets: Targets = new Targets({ version: 1, specVersion: SPEC, expires: LATER });
  roles = new Map<string, Targets>();
  /** The first root, as it is handed to clients. */
  readonly pinned: Uint8Array;

  constructor({ threshold = 1, rootKeys = 1 } = {}) {
    this.root = new Root({ version: 1, specVersion: SPEC, expires: LATER, consistentSnapshot: true });
    this.signers = { root: [], targets: [makeKey()], snapshot: [makeKey()], timestamp: [makeKey()] };
    for (let index = 0; index < rootKeys; index += 1) this.signers.root.push(makeKey());
    for (const role of TOP) for (const { key } of this.signers[role]) this.root.addKey(key, role);
    this.setThreshold('root', threshold);
    this.pinned = this.publishRoot();
    this.publish();
  }

  setThreshold(role: Top, threshold: number): void {
    Object.assign(this.root.roles[role] ?? {}, { threshold });
  }

  /** New keys for a role in the next root; the old ones still sign when it is the root's own. */
  rotate(role: Top, keys: TestKey[] = [makeKey()]): void {
    this.root.roles[role]?.keyIDs.splice(0);
    for (const { key } of keys) this.root.addKey(key, role);
    this.signers[role] = role === 'root' ? [...this.signers.root, ...keys] : keys;
  }

  nextRoot(): Uint8Array {
    this.root = Root.fromJSON({ ...this.root.toJSON(), version: this.root.version + 1 });
    return this.publishRoot();
  }

  publishRoot(): Uint8Array {
    return this.write(`${this.root.version}.root.json`, this.root, this.signers.root);
  }

  /** Everything below root, as it stands, with fresh versions where `bump` says so. */
  publish(bump: readonly ('targets' | 'snapshot' | 'timestamp')[] = []): void {
    const next = <T extends { version: number }>(role: string, value: T): T =>
      bump.some((each) => each === role) ? Object.assign(value, { version: value.version + 1 }) : value;
    next('targets', this.targets);
    const meta: Record<string, MetaFile> = {};
    for (const [name, role] of [['targets', this.targets] as const, ...this.roles]) {
      const keys = name === 'targets' ? this.signers.targets : (this.roleSigners.get(name) ?? []);
      const bytes = this.write(`${role.version}.${encodeURIComponent(name)}.json`, role, keys);
      meta[`${name}.json`] = new MetaFile({
        version: role.version,
        length: bytes.length,
        hashes: { sha256: hash(bytes) },
      });
    }
    next('snapshot', Object.assign(this.snapshot, { meta }));
    this.publishSnapshot();
    next('timestamp', this.timestamp);
    this.publishTimestamp();
  }

  publishSnapshot(): void {
    const { version } = this.snapshot;
    const bytes = this.write(`${version}.snapshot.json`, this.snapshot, this.signers.snapshot);
    const snapshotMeta = new MetaFile({ version, length: bytes.length, hashes: { sha256: hash(bytes) } });
    Object.assign(this.timestamp, { snapshotMeta });
  }

  publishTimestamp(): void {
    this.write('timestamp.json', this.timestamp, this.signers.timestamp);
  }

  delegate(...delegations: Delegation[]): void {
    const keys: Record<string, ReturnType<Key['toJSON']>> = {};
    const roles = delegations.map(({ name, paths, terminating = false, threshold = 1 }) => {
      const signers = this.roleSigners.get(name) ?? [makeKey()];
      this.roleSigners.set(name, signers);
      if (!this.roles.has(name)) {
        this.roles.set(name, new Targets({ version: 1, specVersion: SPEC, expires: LATER }));
      }
      for (const { key } of signers) keys[key.keyID] = key.toJSON();
      return { name, paths: [...paths], terminating, threshold, keyids: signers.map(({ key }) => key.keyID) };
    });
    this.targets = Targets.fromJSON({ ...this.targets.toJSON(), delegations: { keys, roles } });
  }

  add(role: string, path: string, content: Uint8Array, custom: Record<string, unknown> = {}): TargetFile {
    const digest = hash(content);
    const fields = JSON.parse(JSON.stringify({ custom }));
    const options = { path, length: content.length, hashes: { sha256: digest }, unrecognizedFields: fields };
    const target = new TargetFile(options);
    (role === 'targets' ? this.targets : this.roles.get(role))?.addTarget(target);
    const at = path.lastIndexOf('/') + 1;
    this.targetFiles.set(`${path.slice(0, at)}${digest}.${path.slice(at)}`, content);
    return target;
  }

  source(): RepositorySource {
    const read = async (kind: string, files: Map<string, Uint8Array>, name: string, limit: ReadLimit) => {
      this.requests.push(name);
      const bytes = files.get(name);
      if (bytes !== undefined && bytes.length > limit.bytes) throw endless(`${kind}/${name}`, limit.bytes);
      return bytes;
    };
    return {
      name: 'simulated',
      readMetadata: (file, limit) => read('metadata', this.files, file, limit),
      readTarget: (path, limit) => read('targets', this.targetFiles, decodeURIComponent(path), limit),
    };
  }

  write(file: string, signed: Root | Targets | Snapshot | Timestamp, keys: readonly TestKey[]): Uint8Array {
    const bytes = encode(signed, keys);
    this.files.set(file, bytes);
    return bytes;
  }
}

export function encode(signed: Root | Targets | Snapshot | Timestamp, keys: readonly TestKey[]): Uint8Array {
  const metadata = new Metadata(signed);
  for (const { key, secret } of keys) {
    metadata.sign(
      (data) => new Signature({ keyID: key.keyID, sig: sign(null, data, secret).toString('hex') }),
    );
  }
  return Buffer.from(JSON.stringify(metadata.toJSON()));
}

/** A store in memory. */
export function memoryStore(): MetadataStore & { readonly kept: Map<string, Uint8Array> } {
  const kept = new Map<string, Uint8Array>();
  return {
    kept,
    read: (role) => kept.get(role),
    write: async (role, bytes) => {
      kept.set(role, bytes);
    },
    remove: async (role) => {
      kept.delete(role);
    },
  };
}
