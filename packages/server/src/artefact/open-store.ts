import { join } from 'node:path';
import type { ArtefactStore } from './artefact-store.js';
import { openDiskStore } from './disk-store.js';
import { openS3Store } from './s3-store.js';

/** Where `--artefacts` says, else in the server's folder. Throws UsageError `artefact-store`. */
export function openArtefactStore(options: {
  readonly folder: string;
  readonly artefacts?: string | undefined;
}): ArtefactStore {
  if (options.artefacts !== undefined) return openS3Store(options.artefacts);
  return openDiskStore(join(options.folder, 'artefacts'));
}
