// `npm run test:kernels`: kernels that nobody prepared for us. Each is built from Debian's source with a small configuration (scripts/test-kernels/), taken into the
// cache by `kernel add`, and a real fix goes through create, apply, probe and undo in a guest. `--only NAME` takes one of them; builds are kept
// in the cache beside the kernels. Ten minutes for each the first time.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cacheRoot } from '@resplice/build';
import { FIXES } from '../e2e/dist/src/fix.js';
import { resplice } from '../e2e/dist/src/resplice-command.js';
import { Workshop } from '../e2e/dist/src/workshop.js';
import { buildKernel } from './test-kernels/build.mjs';

const FIX = 'attach-filter';
/** None of these may be in a kernel that is to show something. */
const ABSENT = ['LIVEPATCH', 'FTRACE', 'KPROBES', 'MODVERSIONS'];

const known = readdirSync(new URL('test-kernels/', import.meta.url))
  .flatMap((name) => /^(.+)\.config$/.exec(name)?.[1] ?? [])
  .filter((name) => name !== 'common');
const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: known },
    builds: { type: 'string', default: join(cacheRoot(), 'self-built') },
  },
});
const unknown = values.only.find((name) => !known.includes(name));
if (unknown !== undefined) {
  console.error(`--only is "${unknown}"; there are ${known.join(', ')}`);
  process.exit(2);
}

async function must(...args) {
  const answer = await resplice(args);
  if (!answer.ok) throw new Error(`resplice ${args.join(' ')}: ${answer.text}`);
  return answer.json;
}

function assertAbsent(config) {
  const present = ABSENT.filter((option) => readFileSync(config, 'utf8').includes(`CONFIG_${option}=y\n`));
  if (present.length > 0) throw new Error(`${config} has ${present.join(' and ')}`);
}

/** One line of result; throws when the kernel does not take the fix. */
async function test(variant, { workshop, sourceArchive, patch, probe }) {
  const tree = buildKernel(variant, sourceArchive, values.builds);
  const { kernel } = await must('kernel', 'add', tree);
  assertAbsent(kernel.config);
  const { release, version } = kernel.identity;
  const file = join(workshop.directory, `${variant}.splice`);
  const { manifest } = await must(
    'create',
    '--kernel',
    `${release}=${version}`,
    '--patch',
    patch,
    '-o',
    file,
  );
  if (manifest.engine !== 'trampoline') throw new Error(`${release}: the update is for ${manifest.engine}`);
  const tried = await must('try', file, '--probe', probe, '--probe-user', FIXES[FIX].user);
  const answers = tried.probes.map(({ when, answer }) => `${when} ${answer}`);
  const applied = tried.guest.steps.find(({ name }) => name === 'apply').stdout.split('\n')[0];
  return `${release}: ${manifest.engine}, ${manifest.engineReason}; ${answers.join(', ')}; ${applied}`;
}

const workshop = await Workshop.open();
try {
  const { sourceArchive } = await workshop.fetch();
  const patch = await workshop.diff(FIX, ...FIXES[FIX].paths);
  const probe = await workshop.compileProbe(FIX);
  for (const variant of values.only)
    console.log(await test(variant, { workshop, sourceArchive, patch, probe }));
} finally {
  await workshop.close();
}
