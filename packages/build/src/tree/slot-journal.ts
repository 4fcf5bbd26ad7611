// The list of paths touched in a slot since it was clean, one per line, each flushed to disk before its file is touched.
// A line without its end was cut off by a crash before its file could be touched, and is ignored.

import { open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../debian/store.js';

export async function appendJournal(home: string, path: string): Promise<void> {
  const handle = await open(journalOf(home), 'a');
  try {
    await handle.write(`${path}\n`);
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

export async function readJournal(home: string): Promise<readonly string[]> {
  try {
    return parseJournal(await readFile(journalOf(home), 'utf8'));
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

export async function clearJournal(home: string): Promise<void> {
  await rm(journalOf(home), { force: true });
}

export function parseJournal(text: string): readonly string[] {
  return [...new Set(text.split('\n').slice(0, -1))];
}

function journalOf(home: string): string {
  return join(home, 'journal');
}
