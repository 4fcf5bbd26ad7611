// The C of the trampoline engine's core as the kernel's own tools see it: its build with all warnings, sparse, checkpatch.

import assert from 'node:assert/strict';
import { cp, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { chooseNewerKernel } from '../src/kernel-pair.js';
import { ROOT, run } from '../src/resplice-command.js';
import { Workshop } from '../src/workshop.js';

const KMOD = join(ROOT, 'kmod');
/** A flag is a number here, for the ABI's header is also read outside of the kernel. */
const IGNORED = 'BIT_MACRO';

for (const [branch, choose] of [
  ['6.1', async () => undefined],
  ['6.12', chooseNewerKernel],
] as const) {
  test(`the core compiles for ${branch} without a word from gcc and sparse`, async () => {
    await inTree(await choose(), async (tree, compiler) => {
      const directory = await mkdtemp(join(tmpdir(), 'resplice-core-'));
      try {
        await cp(KMOD, directory, { recursive: true });
        const args = ['-s', `M=${directory}`, `CC=${compiler}`, `HOSTCC=${compiler}`, 'W=1', 'C=2'];
        const { status, stdout, stderr } = await run('make', [
          ...['-C', tree, ...args, 'KBUILD_MODPOST_WARN=1', 'modules'],
        ]);
        const words = `${stdout}${stderr}`
          .split('\n')
          .filter((line) => !/^(WARNING: modpost: |Skipping BTF|$)/.test(line));
        assert.deepEqual([status, words], [0, []]);
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    });
  });
}

test("the core is written in the kernel's style", async () => {
  await inTree(undefined, async (tree) => {
    const names = (await readdir(KMOD)).filter((name) => /^(core.*|update)\.[ch]$/.test(name));
    const files = names.map((name) => join(KMOD, name));
    const options = ['--no-tree', '--strict', '--terse', '--no-summary', '--ignore', IGNORED, '-f'];
    const { stdout, stderr } = await run('perl', [join(tree, 'scripts/checkpatch.pl'), ...options, ...files]);
    assert.equal(stdout + stderr, '');
  });
});

async function inTree(
  kernel: Awaited<ReturnType<typeof chooseNewerKernel>> | undefined,
  use: (directory: string, compiler: string) => Promise<void>,
): Promise<void> {
  const workshop = await Workshop.open(kernel);
  try {
    const { directory, compiler } = await workshop.prepare();
    await use(directory, compiler.command);
  } finally {
    await workshop.close();
  }
}
