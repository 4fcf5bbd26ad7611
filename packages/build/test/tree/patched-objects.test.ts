import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { compileInSlot } from '../../src/tree/patched-objects.js';
import { openSlot } from '../../src/tree/slot.js';
import { fakeTree, hostCompiler } from './fixture.js';

const home = await mkdtemp(join(tmpdir(), 'resplice-patched-'));
after(() => rm(home, { recursive: true }));
const outside = join(home, 'outside.h');
for (const directory of ['lib', 'include/first', 'include/second'])
  await mkdir(join(home, 'linux', directory), { recursive: true });
await writeFile(outside, '#define OUTSIDE 1\n');
const SHIPPED = {
  'include/second/a.h': '#define A 1\n',
  'include/second/other.h': '#define OTHER 1\n',
  'lib/a.c': `#include <a.h>\n#include "${outside}"\nint a(void) { return A + OUTSIDE; }\n`,
};
for (const [path, text] of Object.entries(SHIPPED)) await writeFile(join(home, 'linux', path), text);
const flags = ['-I./include/first', '-I./include/second', '-O2'];
const tree = fakeTree(home, await hostCompiler(), ['lib/a.c'], flags);
const cache = join(home, 'patched');
const PATCH = { 'lib/a.c': `${SHIPPED['lib/a.c']}int b(void) { return 2 * A; }\n` };
const MARK = 'kept';

beforeEach(() => rm(cache, { recursive: true, force: true }));

/** Compiles the object with these files in the place of the shipped ones; says whether it was taken from the cache. */
async function compile(patch: Readonly<Record<string, string | null>>, extraFlags?: readonly string[]) {
  const output = await mkdtemp(join(home, 'out-'));
  const slot = await openSlot(tree);
  try {
    for (const [path, text] of Object.entries(patch)) {
      if (text === null) await slot.remove(path);
      else await slot.write(path, text);
    }
    const request = { objects: ['lib/a.o'], output, ...(extraFlags === undefined ? {} : { extraFlags }) };
    const [compiled] = await compileInSlot(tree, slot, request);
    assert.equal(compiled?.object, 'lib/a.o');
    return (await readFile(compiled.file, 'latin1')) === MARK ? 'kept' : 'compiled';
  } finally {
    await slot.release();
  }
}

async function listCache(suffix: string): Promise<readonly string[]> {
  const names = await readdir(cache, { recursive: true });
  return names.filter((name) => name.endsWith(suffix)).map((name) => join(cache, name));
}

async function findNewest(): Promise<string> {
  const files = await listCache('.json');
  const times = await Promise.all(files.map(async (file) => (await stat(file)).mtimeMs));
  return files[times.indexOf(Math.max(...times))] ?? '';
}

/** What is in the cache can be told from what a compiler makes. */
async function markKept(): Promise<void> {
  for (const file of await listCache('.o')) await writeFile(file, MARK);
}

test('what was compiled from the same sources is not compiled again', async () => {
  assert.equal(await compile(PATCH), 'compiled');
  await markKept();
  assert.equal(await compile(PATCH), 'kept');
  assert.equal(await compile(PATCH, []), 'compiled');
});

test('a patched file that is not read changes nothing', async () => {
  await compile(PATCH);
  await markKept();
  assert.equal(await compile({ ...PATCH, 'include/second/other.h': '#define OTHER 2\n' }), 'kept');
  assert.equal(await compile({ ...PATCH, 'include/second/other.h': null }), 'kept');
  assert.equal(await compile({ ...PATCH, 'include/first/new.h': '' }), 'kept');
  // As it was shipped.
  assert.equal(await compile({ ...PATCH, 'include/second/a.h': SHIPPED['include/second/a.h'] }), 'kept');
});

const CHANGES: Readonly<Record<string, Readonly<Record<string, string | null>>>> = {
  'its source is another one': { 'lib/a.c': `${PATCH['lib/a.c']}int c;\n` },
  'its source is the shipped one': {},
  'a header that it reads is patched as well': { ...PATCH, 'include/second/a.h': '#define A 2\n' },
  'a new file is found before one that it reads': { ...PATCH, 'include/first/a.h': '#define A 3\n' },
};

for (const [what, patch] of Object.entries(CHANGES))
  test(`it is compiled anew when ${what}`, async () => {
    await compile(PATCH);
    await markKept();
    assert.equal(await compile(patch), 'compiled');
  });

test('it is compiled anew when a file that was found first is gone', async () => {
  const patch = { ...PATCH, 'include/first/a.h': '#define A 3\n' };
  await compile(patch);
  await markKept();
  assert.equal(await compile(patch), 'kept');
  assert.equal(await compile(PATCH), 'compiled');
});

test('it is compiled anew when a file outside of the tree is another one', async (t) => {
  await compile(PATCH);
  await markKept();
  await writeFile(outside, '#define OUTSIDE 2\n');
  t.after(() => writeFile(outside, '#define OUTSIDE 1\n'));
  assert.equal(await compile(PATCH), 'compiled');
});

test('a cache that a cleaner or a crash has been at costs a compilation and nothing else', async () => {
  for (const damage of [
    async () => Promise.all((await listCache('.o')).map((file) => rm(file))),
    async () => Promise.all((await listCache('.json')).map((file) => writeFile(file, '{"reads": ['))),
  ]) {
    await compile(PATCH);
    await damage();
    assert.equal(await compile(PATCH), 'compiled');
    await markKept();
    assert.equal(await compile(PATCH), 'kept');
    await rm(cache, { recursive: true });
  }
});

test('of one object the four are kept that were asked for last', async () => {
  const patchOf = (number: number) => ({ 'lib/a.c': `int a(void) { return ${number}; }\n` });
  for (let number = 0; number < 4; number++) {
    await compile(patchOf(number));
    await utimes(await findNewest(), number + 1, number + 1);
  }
  await markKept();
  assert.equal(await compile(patchOf(0)), 'kept');
  assert.equal(await compile(patchOf(4)), 'compiled');
  assert.deepEqual([(await listCache('.json')).length, (await listCache('.o')).length], [4, 4]);
  assert.equal(await compile(patchOf(0)), 'kept');
  assert.equal(await compile(patchOf(1)), 'compiled');
});
