// One executable: the node that runs this, without its debugging symbols, with the bundle injected (a "single executable application"). So a
// machine needs no Node.js of its own; Debian 12 has none that is new enough.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { bundleCommand } from '../bundle.mjs';

const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

/** Made anew only when the bundle has changed. */
export async function buildExecutable(root, output) {
  mkdirSync(output, { recursive: true });
  const bundle = join(output, 'machine.cjs');
  const metafile = await bundleCommand(bundle, 'machine');
  const executable = join(output, 'resplice');
  const key = createHash('sha256').update(readFileSync(bundle)).update(process.version).digest('hex');
  const stamp = `${executable}.made-of`;
  if (existsSync(executable) && existsSync(stamp) && readFileSync(stamp, 'utf8') === key)
    return { executable, metafile };
  const blob = join(output, 'machine.blob');
  const configuration = join(output, 'machine.json');
  writeFileSync(
    configuration,
    JSON.stringify({ main: bundle, output: blob, disableExperimentalSEAWarning: true }),
  );
  execFileSync(process.execPath, ['--experimental-sea-config', configuration], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const draft = `${executable}.new`;
  copyFileSync(process.execPath, draft);
  execFileSync('strip', [draft]);
  // Its words about sections and notes of the file mean nothing here.
  execFileSync(
    process.execPath,
    [join(root, 'node_modules/postject/dist/cli.js'), draft, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', FUSE],
    {
      stdio: 'ignore',
    },
  );
  renameSync(draft, executable);
  writeFileSync(stamp, key);
  for (const file of [blob, configuration]) rmSync(file);
  return { executable, metafile };
}
