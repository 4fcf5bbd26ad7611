import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { syncDirectory, writeDurably } from '@resplice/update';
import { type ArtefactStore, assertArtefactName, isArtefactName } from './artefact-store.js';

export function openDiskStore(folder: string): ArtefactStore {
  const pathOf = (name: string): string => {
    assertArtefactName(name);
    return join(folder, name);
  };
  return {
    kind: 'disk',
    async put(name, bytes) {
      const path = pathOf(name);
      const made = await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      await writeDurably(path, bytes, 0o600);
      if (made !== undefined) await syncDirectory(dirname(made));
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
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'EISDIR' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
