// Module keys in the publisher's folders: made when there is none, opened to sign.

import { InputError } from '@resplice/report';
import type { Update } from '@resplice/update';
import { type KeyFile, openSecret, type Passphrases, readKeys } from '../key/key-folder.js';
import { makeModuleKey } from './module-key.js';
import { type ModuleSigningKey, signUpdate } from './sign-module.js';

export interface ModuleKeyRequest {
  readonly folders: readonly string[];
  readonly passphrases: Passphrases;
  readonly now: Date;
  readonly cost?: number | undefined;
}

export interface ModuleKeyCertificate {
  readonly file: string;
  readonly made: boolean;
  /** DER, as mokutil takes it. */
  readonly certificate: Uint8Array;
}

/** The certificate of the module key in these folders; a new key in the first of them when there is none. */
export async function prepareModuleKey(
  name: string,
  { folders, passphrases, now, cost }: ModuleKeyRequest,
): Promise<ModuleKeyCertificate> {
  // The first folder may not exist yet: then the key that is made here is its first.
  const present = await findModuleKey(folders).catch((error) => {
    if (error instanceof InputError && error.code === 'no-key-folder') return undefined;
    throw error;
  });
  const [folder = 'keys'] = folders;
  const file =
    present ?? (await makeModuleKey(folder, name, { passphrase: await passphrases.forNewKeys(), now, cost }));
  return { file: file.path, made: present === undefined, certificate: certificateOf(file) };
}

/** Updates with their modules signed. Throws InputError (`no-module-key`, `module-not-signable`). */
export async function signUpdates(
  updates: readonly Update[],
  { folders, passphrases }: ModuleKeyRequest,
): Promise<readonly Update[]> {
  const file = await findModuleKey(folders);
  if (file === undefined) {
    const message = `there is no key that signs modules in ${folders.join(', ')}; make it with "resplice keys mok", or name its folder with --keys`;
    throw new InputError('no-module-key', message);
  }
  const secret = await openSecret(file, passphrases, new Set());
  const key: ModuleSigningKey = { secret, certificate: certificateOf(file) };
  return updates.map((update) => signUpdate(update, key));
}

async function findModuleKey(folders: readonly string[]): Promise<KeyFile | undefined> {
  const files = (await readKeys(folders)).filter(({ key }) => key.type === 'rsa');
  // The newest: machines are moved to a new key by enrolling it first.
  return files.sort((left, right) => (left.key.created < right.key.created ? 1 : -1))[0];
}

function certificateOf({ key }: KeyFile): Uint8Array {
  return Buffer.from(key.certificate ?? '', 'hex');
}
