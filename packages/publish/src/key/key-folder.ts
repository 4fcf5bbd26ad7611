// Folders with private keys: one file each, readable by their owner only. The keys of one repository may lie in several
// folders, some of them on media that are plugged in only for a ceremony.

import { generateKeyPair, type KeyObject } from 'node:crypto';
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EnvironmentError, InputError } from '@resplice/report';
import { writeDurably } from '@resplice/update';
import { moduleKeyId } from '../module/module-key-id.js';
import { parseSealedKey, type SealedKey, sealKey, unsealKey } from './sealed-key.js';
import { publicKeyOf, type Signer, tufKey } from './tuf-key.js';

const SUFFIX = '.key';

export interface KeyFile {
  readonly path: string;
  readonly key: SealedKey;
  /** The id in metadata; of a key that signs modules, the serial number of its certificate. */
  readonly id: string;
}

/** Where passphrases come from: a person, or a file. Both reject to give up. */
export interface Passphrases {
  /** Of an existing key; `again` when the last answer was wrong. */
  readonly forKey: (name: string, again: boolean) => Promise<string>;
  /** For new keys; asked for once in a command. */
  readonly forNewKeys: () => Promise<string>;
}

/** The keys in these folders. A folder that does not exist is an error: it may be a medium that is not plugged in. */
export async function readKeys(folders: readonly string[]): Promise<readonly KeyFile[]> {
  const lists = await Promise.all(
    folders.map(async (folder) => {
      const names = await listFolder(folder);
      const paths = names
        .filter((name) => name.endsWith(SUFFIX))
        .sort()
        .map((name) => join(folder, name));
      return Promise.all(paths.map(readKey));
    }),
  );
  return lists.flat();
}

/** A new key for metadata, written to the folder. It is named by its role and the beginning of its id: `root-1f6e03ab`. */
export async function makeKey(
  folder: string,
  role: string,
  passphrase: string,
  { now, cost }: { readonly now: Date; readonly cost?: number | undefined },
): Promise<KeyFile> {
  const { publicKey, privateKey } = await promisify(generateKeyPair)('ed25519');
  const name = `${role}-${tufKey(publicKey).keyID.slice(0, 8)}`;
  const description = { name, type: 'ed25519', created: now, publicKey } as const;
  return writeKey(folder, await sealKey(description, privateKey, passphrase, cost));
}

/** Throws InputError `key-exists`, EnvironmentError `key-not-writable`. */
export async function writeKey(folder: string, key: SealedKey): Promise<KeyFile> {
  const path = join(folder, `${key.name}${SUFFIX}`);
  if (await exists(path)) {
    const message = `${path}: exists already, and a key is never written over; move it away, or make the new one elsewhere with --keys`;
    throw new InputError('key-exists', message, { context: { file: path } });
  }
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeDurably(path, Buffer.from(`${JSON.stringify(key, null, 1)}\n`), 0o600);
  } catch (cause) {
    const message = `${path}: the key cannot be written; check that the folder is writable and not full`;
    throw new EnvironmentError('key-not-writable', message, { context: { file: path }, cause });
  }
  return { path, key, id: idOf(key) };
}

/** A key for metadata, opened; passphrases that opened another key are tried first. */
export async function openKey(file: KeyFile, passphrases: Passphrases, known: Set<string>): Promise<Signer> {
  const secret = await openSecret(file, passphrases, known);
  return { name: file.key.name, key: tufKey(publicKeyOf(file.key)), secret };
}

/** The private part of any key. */
export async function openSecret(
  { key }: KeyFile,
  { forKey }: Passphrases,
  known: Set<string>,
): Promise<KeyObject> {
  for (const passphrase of known) {
    const secret = await unsealKey(key, passphrase);
    if (secret !== undefined) return secret;
  }
  for (let again = false; ; again = true) {
    const passphrase = await forKey(key.name, again);
    const secret = await unsealKey(key, passphrase);
    if (secret === undefined) continue;
    known.add(passphrase);
    return secret;
  }
}

async function readKey(path: string): Promise<KeyFile> {
  const { mode } = await stat(path);
  if ((mode & 0o077) !== 0) {
    const message = `${path}: may be read by others; run: chmod 600 ${path}`;
    throw new InputError('key-readable-by-others', message, { context: { file: path } });
  }
  const key = parseSealedKey(await readFile(path), path);
  return { path, key, id: idOf(key) };
}

function idOf(key: SealedKey): string {
  const publicKey = publicKeyOf(key);
  return key.type === 'ed25519' ? tufKey(publicKey).keyID : moduleKeyId(publicKey).toString('hex');
}

async function listFolder(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    const message = `${folder}: the folder with keys cannot be read; name the right one with --keys, or plug in its medium`;
    throw new InputError('no-key-folder', message, { context: { folder }, cause });
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch {
    // Not there, or not reachable: writing will tell.
    return false;
  }
}
