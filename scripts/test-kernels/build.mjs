// A kernel of one's own: Debian's source with a small configuration, built by plain `make` in its own folder, as anybody would. Kept between runs,
// finished when it was broken off, and built again when source or configuration is another.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

const here = new URL('.', import.meta.url).pathname;
const COMPILER = 'gcc-12';

/**
 * @param variant of scripts/test-kernels/VARIANT.config
 * @param archive of the source
 * @returns the tree that it was built in
 */
export function buildKernel(variant, archive, directory) {
  const config = ['common', variant]
    .map((name) => readFileSync(join(here, `${name}.config`), 'utf8'))
    .join('');
  const stamp = join(directory, `${variant}.stamp`);
  const wanted = `${archive}\n${config}`;
  const tree = join(directory, variant);
  const make = (...args) =>
    run('make', ['-s', '-C', tree, `CC=${COMPILER}`, `HOSTCC=${COMPILER}`, ...args], {
      KCONFIG_ALLCONFIG: join(directory, `${variant}.config`),
    });
  if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== wanted) {
    rmSync(stamp, { force: true });
    rmSync(tree, { recursive: true, force: true });
    mkdirSync(tree, { recursive: true });
    run('tar', ['--extract', '--file', archive, '--directory', tree, '--strip-components=1']);
    writeFileSync(join(directory, `${variant}.config`), config);
    make('allnoconfig');
    assertTaken(config, readFileSync(join(tree, '.config'), 'utf8'));
    writeFileSync(stamp, wanted);
  }
  // Goes on where it was broken off, and does nothing when all is built.
  make(`-j${availableParallelism()}`, 'bzImage', 'modules');
  return tree;
}

/** An option that Kconfig dropped would make another kernel than the one that is meant. */
function assertTaken(wanted, got) {
  const lines = new Set(got.split('\n'));
  const dropped = wanted.split('\n').filter((line) => line.startsWith('CONFIG_') && !lines.has(line));
  if (dropped.length > 0) throw new Error(`Kconfig did not take ${dropped.join(' ')}`);
}

function run(program, args, environment = {}) {
  execFileSync(program, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...environment },
  });
}
