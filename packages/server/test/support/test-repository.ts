// A folder with a signed repository of updates without content: what a server reads of it is its metadata.

import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { familyOf, updatePath } from '@resplice/update/repository';
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

export interface TestUpdate {
  readonly id: string;
  readonly cves: readonly string[];
  readonly kernel: { readonly release: string; readonly version: string; readonly buildId: string };
}

const EXPIRES = new Date(Date.now() + 300 * 86_400_000).toISOString().replace(/\.\d+Z$/, 'Z');
const SPEC = '1.0.31';
const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export class TestRepository {
  readonly #key: Key;
  readonly #secret: KeyObject;
  #version = 0;

  private constructor(readonly folder: string) {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const hex = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('hex');
    this.#key = new Key({ keyID: 'test', keyType: 'ed25519', scheme: 'ed25519', keyVal: { public: hex } });
    this.#secret = privateKey;
  }

  static async make(folder: string, updates: readonly TestUpdate[]): Promise<TestRepository> {
    const repository = new TestRepository(folder);
    await mkdir(join(folder, 'metadata'), { recursive: true });
    await mkdir(join(folder, 'targets'), { recursive: true });
    const root = new Root({ version: 1, specVersion: SPEC, expires: EXPIRES, consistentSnapshot: true });
    for (const role of ['root', 'targets', 'snapshot', 'timestamp']) root.addKey(repository.#key, role);
    await repository.#write('1.root.json', root);
    await repository.publish(updates);
    return repository;
  }

  /** The next version of everything below root. With `half`, all but the timestamp, as when a copy is under way. */
  async publish(updates: readonly TestUpdate[], { half = false } = {}): Promise<void> {
    this.#version += 1;
    const options = { version: this.#version, specVersion: SPEC, expires: EXPIRES };
    const targets = new Targets(options);
    for (const update of updates) targets.addTarget(describe(update));
    const targetsMeta = await this.#write(`${this.#version}.targets.json`, targets);
    const snapshot = new Snapshot({ ...options, meta: { 'targets.json': targetsMeta } });
    const snapshotMeta = await this.#write(`${this.#version}.snapshot.json`, snapshot);
    const timestamp = new Timestamp({ ...options, snapshotMeta });
    await this.#write(half ? 'timestamp.json.part' : 'timestamp.json', timestamp);
  }

  async #write(name: string, signed: Root | Targets | Snapshot | Timestamp): Promise<MetaFile> {
    const metadata = new Metadata(signed);
    metadata.sign(
      (bytes) =>
        new Signature({ keyID: this.#key.keyID, sig: sign(null, bytes, this.#secret).toString('hex') }),
    );
    const bytes = Buffer.from(JSON.stringify(metadata.toJSON()));
    const path = join(this.folder, 'metadata', name);
    await writeFile(`${path}.tmp`, bytes);
    await rename(`${path}.tmp`, path);
    return new MetaFile({ version: signed.version, length: bytes.length, hashes: { sha256: hash(bytes) } });
  }
}

function describe({ id, cves, kernel }: TestUpdate): TargetFile {
  const custom = {
    id,
    description: `fixes ${id}`,
    cves: [...cves],
    kernel,
    engine: 'livepatch',
    requires: [],
  };
  return new TargetFile({
    path: updatePath(familyOf(kernel.release) ?? '', kernel.buildId, id),
    length: 10,
    hashes: { sha256: hash(Buffer.from(id)) },
    unrecognizedFields: { custom },
  });
}
