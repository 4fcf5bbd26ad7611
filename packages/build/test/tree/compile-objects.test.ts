import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { InputError } from '@resplice/report';
import { checkSyntax, compileObjects } from '../../src/tree/compile-objects.js';
import { parseDependencies } from '../../src/tree/include-graph.js';
import { compileOriginals, findDependencyFile } from '../../src/tree/object-cache.js';
import { findOtherTexts } from '../../src/tree/preprocess.js';
import { fakeTree, hostCompiler } from './fixture.js';

const home = await mkdtemp(join(tmpdir(), 'resplice-compile-'));
after(() => rm(home, { recursive: true }));
await mkdir(join(home, 'linux/lib'), { recursive: true });
await mkdir(join(home, 'linux/include'));
await mkdir(join(home, 'objects'));
await writeFile(join(home, 'linux/include/a.h'), 'static inline int twice(int x) { return 2 * x; }\n');
await writeFile(
  join(home, 'linux/lib/a.c'),
  '#include <a.h>\nint a(int x) { return twice(x); }\nint b(void) { return 7; }\n',
);
await writeFile(join(home, 'linux/lib/bad.c'), 'int bad(void) { return missing; }\n');
const sources = ['lib/a.c', 'lib/bad.c', 'lib/absent.c', 'lib/forever.c'];
const tree = fakeTree(home, await hostCompiler(), sources, ['-I./include', '-O2', '-g']);
const output = join(home, 'out');

test('compiles into the output directory with one section per function and no debug information', async () => {
  const [compiled] = await compileObjects(tree, { directory: tree.directory, objects: ['lib/a.o'], output });
  assert.equal(compiled?.file, join(output, 'lib/a.o'));
  const { stdout } = await promisify(execFile)('readelf', ['-SW', compiled?.file ?? '']);
  assert.match(stdout, /\.text\.a\b/);
  assert.match(stdout, /\.text\.b\b/);
  assert.doesNotMatch(stdout, /\.debug_info/);
  assert.deepEqual(parseDependencies(await readFile(compiled?.dependencies ?? '', 'utf8')), [
    'lib/a.c',
    'include/a.h',
  ]);
  assert.deepEqual((await readdir(join(home, 'linux/lib'))).sort(), ['a.c', 'bad.c']);
});

test('keeps debug information when asked to', async () => {
  const request = { directory: tree.directory, objects: ['lib/a.o'], output, extraFlags: [], debug: true };
  const [compiled] = await compileObjects(tree, request);
  const { stdout } = await promisify(execFile)('readelf', ['-SW', compiled?.file ?? '']);
  assert.match(stdout, /\.debug_info/);
  assert.doesNotMatch(stdout, /\.text\.a\b/);
});

test('an error in the source is shown in the words of the compiler', async () => {
  const objects = ['lib/a.o', 'lib/bad.o'];
  const isShown = (error: unknown): boolean => {
    assert.ok(error instanceof InputError);
    assert.equal(error.code, 'does-not-compile');
    assert.match(error.message, /lib\/bad\.c:1:\d+: error: .missing. undeclared/);
    return true;
  };
  const { directory } = tree;
  await assert.rejects(compileObjects(tree, { directory, objects, output }), isShown);
  await assert.rejects(checkSyntax(tree, { directory, objects }), isShown);
  await checkSyntax(tree, { directory, objects: ['lib/a.o'] });
});

test('unknown objects and missing sources have their own errors', async () => {
  const compile = (object: string): Promise<unknown> =>
    compileObjects(tree, { directory: tree.directory, objects: [object], output });
  await assert.rejects(compile('lib/other.o'), { code: 'not-built' });
  await assert.rejects(compile('lib/absent.o'), { code: 'source-missing' });
});

test('originals are compiled once and then come from the cache', async () => {
  const [first] = await compileOriginals(tree, ['lib/a.o']);
  const [second] = await compileOriginals(tree, ['lib/a.o']);
  assert.equal(first?.cached, false);
  assert.equal(second?.cached, true);
  assert.equal(first?.file, second?.file);
  assert.equal(await findDependencyFile(tree, 'lib/a.o'), first?.dependencies);
  const [other] = await compileOriginals(tree, ['lib/a.o'], { extraFlags: [] });
  assert.equal(other?.cached, false);
  assert.notEqual(other?.file, first?.file);
  await assert.rejects(compileOriginals(tree, ['lib/bad.o']), { code: 'does-not-compile' });
  assert.equal(await findDependencyFile(tree, 'lib/bad.o'), undefined);
});

test('aborting ends the compiler and everything it started', async () => {
  // A source that is a pipe nobody writes to: the compiler waits for ever.
  await promisify(execFile)('mkfifo', [join(home, 'linux/lib/forever.c')]);
  const controller = new AbortController();
  const compiling = compileObjects(tree, {
    directory: tree.directory,
    objects: ['lib/forever.o'],
    output,
    signal: controller.signal,
  });
  setTimeout(() => controller.abort(), 200);
  await assert.rejects(compiling, { name: 'AbortError' });
  await rm(join(home, 'linux/lib/forever.c'));
  const running = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  // A process may end between being listed and being read.
  const lines = await Promise.all(
    running.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  assert.ok(!lines.some((line) => line.includes('lib/forever.c') && line.includes(output)));
});

/** Whether the text of lib/a.c differs, when this is its header in another view of the tree. */
async function isOtherWith(header: string, isOther = (_before: string, _after: string) => true) {
  const patched = await mkdtemp(join(home, 'patched-'));
  await cp(tree.directory, patched, { recursive: true });
  await writeFile(join(patched, 'include/a.h'), header);
  const found = await findOtherTexts(tree, patched, ['lib/a.o'], isOther);
  return found.length > 0;
}

test('the preprocessed text tells whether a header change reaches an object', async () => {
  const text = await readFile(join(tree.directory, 'include/a.h'), 'utf8');
  assert.equal(await isOtherWith(`/* a comment */\n\n#define UNUSED 1\n${text}`), false);
  assert.equal(await isOtherWith(text.replace('2 *', '3 *')), true);
  let seen: readonly string[] = [];
  const look = (before: string, after: string) => {
    seen = [before, after];
    return false;
  };
  assert.equal(await isOtherWith(text.replace('2 *', '3 *'), look), false);
  assert.match(seen[0] ?? '', /2 \* x/);
  assert.match(seen[1] ?? '', /3 \* x/);
  await assert.rejects(
    findOtherTexts(tree, tree.directory, ['lib/absent.o'], () => true),
    {
      code: 'does-not-preprocess',
    },
  );
});

test('the preprocessed text of the unpatched tree is asked once, and again when what was kept is damaged', async () => {
  const header = join(tree.directory, 'include/a.h');
  const text = await readFile(header, 'utf8');
  assert.equal(await isOtherWith(text), false);
  // Nothing changes a prepared tree; here it shows that nobody looked.
  await writeFile(header, text.replace('2 *', '3 *'));
  assert.equal(await isOtherWith(text), false);
  const kept = await readdir(join(tree.home, 'preprocessed'), { recursive: true, withFileTypes: true });
  for (const file of kept.filter((each) => each.isFile()))
    await writeFile(join(file.parentPath, file.name), '12ab');
  assert.equal(await isOtherWith(text), true);
  await writeFile(header, text);
});
