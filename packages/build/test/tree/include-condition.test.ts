import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { judgeCondition } from '../../src/tree/include-condition.js';
import { findIncluders } from '../../src/tree/include-graph.js';
import { indexIncludes } from '../../src/tree/include-index.js';
import { scanIncludes } from '../../src/tree/include-scan.js';
import { fakeTree, hostCompiler } from './fixture.js';

const CONFIGURATION = new Map([
  ['CONFIG_SMP', 'y'],
  ['CONFIG_NR_CPUS', '512'],
  ['CONFIG_KVM', 'm'],
  ['CONFIG_CC_IS_GCC', 'y'],
]);

test('a condition is what the configuration says, or open', () => {
  const cases: readonly (readonly [string, boolean | undefined])[] = [
    ['ifdef CONFIG_SMP', true],
    ['ifndef CONFIG_SMP', false],
    ['ifdef CONFIG_KVM', false],
    ['ifdef CONFIG_KVM_MODULE', true],
    ['ifdef CONFIG_NR_CPUS', true],
    ['ifdef __clang__', false],
    ['ifdef __ASSEMBLY__', undefined],
    ['ifndef _LINUX_A_H', undefined],
    ['if 0', false],
    ['if defined(CONFIG_SMP) && !defined CONFIG_UP', true],
    ['if IS_ENABLED(CONFIG_KVM) && !IS_BUILTIN(CONFIG_KVM) && IS_MODULE(CONFIG_KVM)', true],
    ['if IS_REACHABLE(CONFIG_KVM)', undefined],
    ['if defined(OTHER) && defined(CONFIG_UP)', false],
    ['if defined(OTHER) || defined(CONFIG_UP)', undefined],
    ['if (defined(OTHER) || 1) && defined(CONFIG_SMP)', true],
    ['if CONFIG_NR_CPUS > 8', undefined],
    ['if defined(CONFIG_UP) && CONFIG_NR_CPUS > 8', undefined],
    ['if defined(CONFIG_UP', undefined],
    ['if', undefined],
  ];
  for (const [condition, value] of cases)
    assert.equal(judgeCondition(condition, CONFIGURATION).value, value, condition);
  assert.equal(judgeCondition('ifdef CONFIG_SMP', undefined).value, undefined);
  assert.deepEqual(judgeCondition('if defined(CONFIG_SMP) || defined(CONFIG_UP)', CONFIGURATION).options, [
    'CONFIG_SMP',
    'CONFIG_UP',
  ]);
});

test('an #include is skipped only where nobody reads it', () => {
  const scan = (text: string) => {
    const { names, skipped } = scanIncludes(text, false, CONFIGURATION);
    return [names.map(({ name }) => name).join(' '), skipped.map(({ name }) => name).join(' ')];
  };
  const smp = '#ifdef CONFIG_SMP\n#include <smp.h>\n#else\n#include <up.h>\n#endif\n';
  assert.deepEqual(scan(`#ifndef _A_H\n#define _A_H\n${smp}#endif\n`), ['smp.h', 'up.h']);
  assert.deepEqual(scan(`${smp}#include <up.h>\n`), ['smp.h up.h', '']);
  assert.deepEqual(
    scan(
      '#if defined(A)\n#include "a.h"\n#elif defined(CONFIG_SMP)\n#include "b.h"\n#elif 1\n#include "c.h"\n#endif\n',
    ),
    ['a.h b.h', 'c.h'],
  );
  // A conditional in a comment is none.
  assert.deepEqual(scan('/*\n#ifndef CONFIG_SMP\n*/\n#include <a.h>\n/*\n#endif\n*/\n'), ['a.h', '']);
  assert.deepEqual(scan('#ifndef CONFIG_SMP /* UP */\n#include <a.h>\n#endif // SMP\n'), ['', 'a.h']);
  assert.deepEqual(scan('#if !defined(CONFIG_SMP) \\\n  && 1\n#include <a.h>\n#endif\n'), ['', 'a.h']);
  assert.deepEqual(scan('#ifndef CONFIG_SMP\n#include <a.h>\n'), ['a.h', '']);
});

const home = await mkdtemp(join(tmpdir(), 'resplice-condition-'));
after(() => rm(home, { recursive: true }));

async function includersOf(
  header: string,
  kconfig: string,
  flags: readonly string[],
): Promise<readonly string[]> {
  const place = await mkdtemp(join(home, 'tree-'));
  const files = {
    'include/linux/kconfig.h': '#include <generated/autoconf.h>\n',
    'include/generated/autoconf.h': '#define CONFIG_SMP 1\n',
    'include/linux/lock.h':
      '#ifdef CONFIG_SMP\n#include <linux/lock_smp.h>\n#else\n#include <linux/lock_up.h>\n#endif\n',
    'include/linux/lock_smp.h': '',
    'include/linux/lock_up.h': '#include <linux/deep.h>\n',
    'include/linux/deep.h': '',
    'a.c': `${kconfig}#include <linux/lock.h>\n`,
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(place, 'linux', path)), { recursive: true });
    await writeFile(join(place, 'linux', path), text);
  }
  const tree = fakeTree(place, await hostCompiler(), ['a.c'], ['-Iinclude', ...flags]);
  const index = await indexIncludes(tree.directory, tree.database, CONFIGURATION);
  await writeFile(join(place, 'includes.json'), JSON.stringify(index));
  return findIncluders(tree, [header]);
}

test('a header that the configuration leaves out has no includers, unless a file or command has its own mind', async () => {
  const forced = ['-include', './include/linux/kconfig.h'];
  assert.deepEqual(await includersOf('include/linux/lock_smp.h', '', forced), ['a.o']);
  assert.deepEqual(await includersOf('include/linux/lock_up.h', '', forced), []);
  assert.deepEqual(await includersOf('include/linux/deep.h', '', forced), []);
  assert.deepEqual(await includersOf('include/linux/deep.h', '#undef CONFIG_SMP\n', forced), ['a.o']);
  assert.deepEqual(await includersOf('include/linux/deep.h', '', [...forced, '-UCONFIG_SMP']), ['a.o']);
  assert.deepEqual(await includersOf('include/linux/deep.h', '', []), ['a.o']);
});
