// Where a publisher's files are. `public/` is served as it is, by any web server; everything else stays at home.
//
//   public/metadata/   N.root.json, N.targets.json, N.FAMILY.json, N.snapshot.json, timestamp.json
//   public/targets/    FAMILY/BUILD-ID/SHA256.ID.splice
//   draft/             root.json and targets.json that wait for signatures
//   keys/              private keys, unless --keys names other folders

import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { EnvironmentError, InputError } from '@resplice/report';
import { syncDirectory, writeDurably } from '@resplice/update';
import { parseRoot, parseSnapshot, parseTargets, parseTimestamp } from '@resplice/update/repository';
import type { Metadata, Root, Snapshot, Targets, Timestamp } from '@tufjs/models';

export interface Site {
  readonly folder: string;
  readonly metadata: string;
  readonly targets: string;
  readonly draft: string;
  readonly keys: string;
}

export function openSite(folder: string): Site {
  return {
    folder,
    metadata: join(folder, 'public/metadata'),
    targets: join(folder, 'public/targets'),
    draft: join(folder, 'draft'),
    keys: join(folder, 'keys'),
  };
}

/** What clients see now; undefined parts were never published. */
export interface Published {
  readonly root: Metadata<Root> | undefined;
  readonly timestamp: Metadata<Timestamp> | undefined;
  readonly snapshot: Metadata<Snapshot> | undefined;
  readonly targets: Metadata<Targets> | undefined;
  /** By name of the family. */
  readonly families: ReadonlyMap<string, Metadata<Targets>>;
  /** Bytes of each file that the snapshot names, by role. */
  readonly bytes: ReadonlyMap<string, Uint8Array>;
}

export interface Drafts {
  readonly root: Metadata<Root> | undefined;
  readonly targets: Metadata<Targets> | undefined;
}

/** What is published, found as a client finds it: by the newest root and the timestamp. */
export async function readPublished(site: Site): Promise<Published> {
  const root = await readNewestRoot(site);
  const timestampBytes = await readIfThere(join(site.metadata, 'timestamp.json'));
  const bytes = new Map<string, Uint8Array>();
  if (timestampBytes === undefined) {
    return {
      root,
      timestamp: undefined,
      snapshot: undefined,
      targets: undefined,
      families: new Map(),
      bytes,
    };
  }
  const timestamp = parseTimestamp(timestampBytes, 'timestamp.json');
  const read = async (name: string): Promise<Uint8Array> => {
    const content = await readIfThere(join(site.metadata, name));
    if (content !== undefined) return content;
    const message = `${join(site.metadata, name)}: is missing, although the repository refers to it; restore it from a backup or a mirror`;
    throw new InputError('repository-incomplete', message);
  };
  const snapshotName = `${timestamp.signed.snapshotMeta.version}.snapshot.json`;
  const snapshotBytes = await read(snapshotName);
  const snapshot = parseSnapshot(snapshotBytes, snapshotName);
  bytes.set('snapshot', snapshotBytes);
  const families = new Map<string, Metadata<Targets>>();
  let targets: Metadata<Targets> | undefined;
  for (const [file, { version }] of Object.entries(snapshot.signed.meta)) {
    const name = `${version}.${file}`;
    const role = file.replace(/\.json$/, '');
    const content = await read(name);
    bytes.set(role, content);
    const parsed = parseTargets(content, name);
    if (role === 'targets') targets = parsed;
    else families.set(role, parsed);
  }
  return { root, timestamp, snapshot, targets, families, bytes };
}

/** Drafts that are newer than what is published; one that was published meanwhile is no draft any more. */
export async function readDrafts(site: Site, published: Published): Promise<Drafts> {
  const rootBytes = await readIfThere(join(site.draft, 'root.json'));
  const targetsBytes = await readIfThere(join(site.draft, 'targets.json'));
  const root = rootBytes === undefined ? undefined : parseRoot(rootBytes, 'draft/root.json');
  const targets = targetsBytes === undefined ? undefined : parseTargets(targetsBytes, 'draft/targets.json');
  return {
    root: isNewer(root, published.root) ? root : undefined,
    targets: isNewer(targets, published.targets) ? targets : undefined,
  };
}

export async function writeDraft(site: Site, name: 'root' | 'targets', bytes: Uint8Array): Promise<void> {
  await mkdir(site.draft, { recursive: true });
  await writeDurably(join(site.draft, `${name}.json`), bytes);
}

export async function removeDrafts(site: Site): Promise<void> {
  for (const name of ['root.json', 'targets.json']) await rm(join(site.draft, name), { force: true });
  await mkdir(site.draft, { recursive: true });
  await syncDirectory(site.draft);
}

/**
 * Runs `work` as the only one on this site. The lock is a name in the kernel (an abstract socket), so it ends with the
 * process, however that ends. Throws EnvironmentError `another-publisher-runs`.
 */
export async function withSiteLock<T>(site: Site, work: () => Promise<T>): Promise<T> {
  await mkdir(site.folder, { recursive: true });
  const id = createHash('sha256')
    .update(await realpath(site.folder))
    .digest('hex');
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => {
      const message = `${site.folder}: another resplice command works on this repository; wait for its end, then try again`;
      reject(new EnvironmentError('another-publisher-runs', message, { cause }));
    });
    server.listen(`\0resplice-site-${id}`, resolve);
  });
  try {
    return await work();
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

async function readNewestRoot(site: Site): Promise<Metadata<Root> | undefined> {
  const versions = (await listIfThere(site.metadata)).flatMap((name) => {
    const version = /^(\d+)\.root\.json$/.exec(name)?.[1];
    return version === undefined ? [] : [Number(version)];
  });
  if (versions.length === 0) return undefined;
  const name = `${Math.max(...versions)}.root.json`;
  return parseRoot(await readFile(join(site.metadata, name)), name);
}

function isNewer(
  draft: Metadata<Root> | Metadata<Targets> | undefined,
  published: Metadata<Root> | Metadata<Targets> | undefined,
): boolean {
  return draft !== undefined && draft.signed.version > (published?.signed.version ?? 0);
}

async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function listIfThere(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
