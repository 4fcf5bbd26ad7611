// Which build of this program has judged a unit. The version does not tell while the program is being worked on; the code itself does. So
// `--retry` asks again where another engine may answer otherwise, and a retry that was interrupted goes on where it was.

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findKmodSource } from '../create/kmod-source.js';

/** Twelve digits that stand for the code of the engine and of the pipeline, and for the C that goes into updates. */
export async function identifyProgram(): Promise<string> {
  const hash = createHash('sha256');
  const roots = [rootOf(import.meta.url), ...findEngine(), dirname(await findKmodSource('livepatch.c'))];
  for (const root of roots) {
    for (const file of await listCode(root))
      hash.update(file.slice(root.length)).update(await readFile(file));
  }
  return hash.digest('hex').slice(0, 12);
}

/** `…/dist/src` of this file in a checkout, its directory in a bundle. */
function rootOf(url: string): string {
  const directory = dirname(fileURLToPath(url));
  return directory.endsWith('/evaluate') ? dirname(directory) : directory;
}

function findEngine(): readonly string[] {
  try {
    return [rootOf(import.meta.resolve('@resplice/engine'))];
  } catch {
    // In a bundle the engine is part of the one file.
    return [];
  }
}

async function listCode(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.(?:[cm]?js|[ch])$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
