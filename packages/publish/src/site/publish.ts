// Publishing: reads the updates, plans the next state, writes it file by file. Killed at any moment, clients see the old state
// or the new one, and the same command finishes the work.

import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EnvironmentError, InputError, type ProgressSink, silentProgress, withStage } from '@resplice/report';
import { encodeUpdate, type Update, writeDurably } from '@resplice/update';
import {
  type Brings,
  describeUpdateTarget,
  familyOf,
  locateDelta,
  readUpdateTarget,
  type UpdateTargetInfo,
} from '@resplice/update/repository';
import { openKey, type Passphrases, readKeys } from '../key/key-folder.js';
import type { Signer } from '../key/tuf-key.js';
import { makeDeltas } from './delta.js';
import { readState, type SiteState } from './documents.js';
import { type PlannedFile, type Publication, planPublication } from './publication.js';
import type { AddedUpdate } from './role-signing.js';
import { readPublished, removeDrafts, type Site, withSiteLock } from './site.js';
import type { Validity } from './validity.js';

export interface PublishOptions {
  readonly site: Site;
  readonly folders: readonly string[];
  readonly passphrases: Passphrases;
  readonly now: Date;
  readonly validity: Validity;
  readonly progress?: ProgressSink;
  /** Called before each file is written; tests end the work there. */
  readonly beforeFile?: (file: PlannedFile) => void;
}

export interface PublishRequest {
  readonly updates: readonly Update[];
  readonly withdrawn: readonly string[];
  /** The release whose security these updates bring. */
  readonly brings?: Brings | undefined;
}

/** Throws as planPublication does, and EnvironmentError `site-not-writable`. */
export function publish(request: PublishRequest, options: PublishOptions): Promise<Publication> {
  const { site, folders, passphrases, now, validity, progress = silentProgress } = options;
  return withSiteLock(site, async () => {
    const state = await readState(site);
    const files = new Map((await readKeys(folders)).map((file) => [file.id, file]));
    const known = new Set<string>();
    const opened = new Map<string, Promise<Signer>>();
    const signer = async (id: string): Promise<Signer | undefined> => {
      const file = files.get(id);
      if (file === undefined) return undefined;
      const opening = opened.get(id) ?? openKey(file, passphrases, known);
      opened.set(id, opening);
      return opening;
    };
    const added: AddedUpdate[] = [];
    for (const update of request.updates)
      added.push(await describeAdded(update, request.brings, site, state));
    const publication = await planPublication({
      state,
      added,
      withdrawn: request.withdrawn,
      now,
      validity,
      signer,
    });
    await withStage(progress, 'publish', site.folder, () => writeFiles(publication.files, options));
    if (draftsArePublished(publication, state)) await removeDrafts(site);
    return publication;
  });
}

export interface ListedUpdate {
  readonly path: string;
  readonly length: number;
  readonly sha256: string;
  readonly info: UpdateTargetInfo;
}

/** Every update that is published. */
export async function listPublished(site: Site): Promise<readonly ListedUpdate[]> {
  const { families } = await readPublished(site);
  return [...families.values()].flatMap(({ signed }) =>
    Object.values(signed.targets).map((target) => ({
      path: target.path,
      length: target.length,
      sha256: target.hashes.sha256 ?? '',
      info: readUpdateTarget(target),
    })),
  );
}

async function describeAdded(
  update: Update,
  brings: Brings | undefined,
  site: Site,
  state: SiteState,
): Promise<AddedUpdate> {
  const { manifest } = update;
  const family = familyOf(manifest.kernel.release);
  if (family === undefined) {
    const message = `${manifest.id}: its kernel release ${JSON.stringify(manifest.kernel.release)} belongs to no kernel family; expected a release such as 6.1.0-47-amd64`;
    throw new InputError('no-such-family', message);
  }
  const bytes = encodeUpdate(update);
  const deltas = await makeDeltas(update, bytes, state.published.families.get(family), site);
  const about = { brings, deltas: deltas.map(({ named }) => named) };
  const target = describeUpdateTarget(family, manifest, bytes, about);
  return {
    ...{ family, target, bytes },
    deltas: deltas.map(({ named, bytes: content }) => ({ path: locateDelta(target, named), bytes: content })),
  };
}

async function writeFiles(
  files: readonly PlannedFile[],
  { site, beforeFile }: PublishOptions,
): Promise<void> {
  for (const file of files) {
    beforeFile?.(file);
    const path = join(site.folder, 'public', file.path);
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeDurably(path, file.bytes);
    } catch (cause) {
      const message = `${path}: cannot be written; check that the folder is writable and not full, then run the same command again`;
      throw new EnvironmentError('site-not-writable', message, { context: { file: path }, cause });
    }
  }
}

/** A draft that still waits for signatures stays. */
function draftsArePublished(
  { files }: Publication,
  { drafts }: Awaited<ReturnType<typeof readState>>,
): boolean {
  const written = (role: 'root' | 'targets'): boolean =>
    drafts[role] === undefined ||
    files.some(({ path }) => path.endsWith(`/${drafts[role]?.signed.version}.${role}.json`));
  return written('root') && written('targets');
}
