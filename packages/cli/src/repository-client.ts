// From the command line to verified metadata: an address or folder, and the root that is believed.

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError, UsageError } from '@resplice/report';
import {
  openDirectorySource,
  openHttpSource,
  openMetadataStore,
  overlayMetadataStore,
  type RepositorySource,
  refreshMetadata,
  type TrustedMetadata,
} from '@resplice/update/repository';

/** Where an administrator puts the root of the repository that this machine believes. */
export const CONFIGURED_ROOT = '/etc/resplice/root.json';
/** Where it is remembered what the machine has seen. */
export const STATE_FOLDER = '/var/lib/resplice';

export interface ClientOptions {
  readonly from: string;
  readonly root?: string | undefined;
  readonly state: string;
  /** Remembers nothing. */
  readonly dryRun?: boolean | undefined;
  /** For a mirror: with every root from the one handed over on. */
  readonly wholeChain?: boolean;
  readonly signal: AbortSignal;
}

/** Throws InputError `root-not-readable`, UsageError `not-a-repository`, and as refreshMetadata does. */
export async function openRepository(options: ClientOptions): Promise<TrustedMetadata> {
  const root = await readRoot(options.root);
  // By the root that was handed over: another root is another repository, with a memory of its own.
  const anchor = createHash('sha256').update(root).digest('hex').slice(0, 16);
  const kept = openMetadataStore(join(options.state, 'trust', anchor));
  const store = options.dryRun === true ? overlayMetadataStore(kept) : kept;
  const source = openSource(options.from);
  const { wholeChain = false, signal } = options;
  return refreshMetadata({ source, store, root, wholeChain, now: new Date(), signal });
}

export function openSource(from: string): RepositorySource {
  if (/^https?:\/\//.test(from)) {
    if (URL.canParse(from)) return openHttpSource(from);
    throw new UsageError(
      'not-a-repository',
      `${from}: is no address; expected https://HOST/PATH or a folder`,
    );
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(from)) {
    throw new UsageError('not-a-repository', `${from}: expected https://, http:// or a folder`);
  }
  return openDirectorySource(from);
}

async function readRoot(file: string = CONFIGURED_ROOT): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (cause) {
    const message = `${file}: the root that this machine believes cannot be read; get root.json from whoever runs the repository, by a way you trust, and put it there or name it with --root`;
    throw new InputError('root-not-readable', message, { context: { file }, cause });
  }
}
