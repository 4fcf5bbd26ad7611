// Where the skeleton of a refused patch goes: next to where the update would have been, and never over a file, which may hold the author's work.

import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';

export interface SkeletonFile {
  readonly file: string;
  readonly written: boolean;
  /** For people. */
  readonly line: string;
}

/** `fix.splice` → `fix.skeleton.patch`; without an output, the name of the first patch, here. */
export function skeletonPath(output: string | undefined, patch: string | undefined): string {
  const name = output ?? basename(patch ?? 'update');
  return `${name.replace(/\.(?:splice|patch|diff|mbox)$/, '')}.skeleton.patch`;
}

export async function writeSkeletonFile(file: string, text: string): Promise<SkeletonFile> {
  try {
    await writeFile(file, text, { flag: 'wx' });
  } catch (error) {
    const why =
      error instanceof Error && 'code' in error && error.code === 'EEXIST'
        ? 'is there already and was left as it is; --skeleton FILE names another'
        : `cannot be written (${error instanceof Error ? error.message : error})`;
    return { file, written: false, line: `the start of the code it needs was not written: ${file} ${why}` };
  }
  return {
    file,
    written: true,
    line: `${file}: the start of the code it needs; complete it and add --patch ${file}`,
  };
}
