import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { InputError } from '@resplice/report';
import { syncDirectory, writeDurably } from '@resplice/update';
import { type ArtefactStore, assertArtefactName, isArtefactName } from './artefact-store.js';

/** A name is a file and cannot be a folder as well. */
const IN_THE_WAY = new Set(['EISDIR', 'ENOTDIR', 'EEXIST', 'ENOTEMPTY']);

export function openDiskStore(folder: string): ArtefactStore {
  const pathOf = (name: string): string => {
    assertArtefactName(name);
    return join(folder, name);
  };
  return {
    kind: 'disk',
    async put(name, bytes) {
      const path = pathOf(name);
      try {
        const made = await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        await writeDurably(path, bytes, 0o600);
        if (made !== undefined) await syncDirectory(dirname(made));
      } catch (cause) {
        if (!IN_THE_WAY.has(codeOf(cause))) throw cause;
        const message = `${name}: another artefact has a part of this name as its own, or this one as a part; choose another name`;
        throw new InputError('artefact-name', message, { cause });
      }
    },
    get: (name) => ifThere(() => readFile(pathOf(name))),
    async list(prefix) {
      const entries = (await ifThere(() => readdir(folder, { recursive: true, withFileTypes: true }))) ?? [];
      const names = entries
        .filter((entry) => entry.isFile())
        .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
        .filter((name) => name.startsWith(prefix) && isArtefactName(name));
      return Promise.all(
        names.sort().map(async (name) => ({ name, length: (await stat(join(folder, name))).size })),
      );
    },
    async remove(name) {
      await rm(pathOf(name), { force: true });
    },
  };
}

async function ifThere<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (codeOf(error) === 'ENOENT' || IN_THE_WAY.has(codeOf(error))) return undefined;
    throw error;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
