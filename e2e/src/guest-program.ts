// A program of e2e/src for a guest, where there is nothing but node: one file with all that it imports.

import { join } from 'node:path';
import { build } from 'esbuild';
import { ROOT } from './resplice-command.js';

/** @param path of the compiled source, below e2e/dist/src */
export async function bundleGuestProgram(path: string): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, 'e2e/dist/src', path)],
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    write: false,
    logLevel: 'warning',
  });
  const [file] = outputFiles;
  if (file === undefined) throw new Error(`esbuild made nothing of ${path}`);
  return file.contents;
}
