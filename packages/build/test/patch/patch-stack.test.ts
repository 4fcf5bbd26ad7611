import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { InputError } from '@resplice/report';
import { execa } from 'execa';
import fc from 'fast-check';
import { parsePatch } from '../../src/patch/diff-parser.js';
import { applyPatches, type PatchedContent } from '../../src/patch/patch-stack.js';

type Tree = Readonly<Record<string, string>>;

async function apply(tree: Tree, ...patches: string[]): Promise<Map<string, PatchedContent>> {
  const files = new Map(Object.entries(tree));
  const parsed = patches.map((text, index) => parsePatch(text, `p${index + 1}`));
  return applyPatches(parsed, async (path) => {
    const text = files.get(path);
    return text === undefined ? undefined : Buffer.from(text, 'latin1');
  });
}

function textOf(result: Map<string, PatchedContent>, path: string): string | null | undefined {
  const after = result.get(path)?.after;
  return after instanceof Uint8Array ? Buffer.from(after).toString('latin1') : after;
}

async function refuses(work: Promise<unknown>, code: string, ...patterns: RegExp[]): Promise<InputError> {
  const error = await work.then(
    () => assert.fail('it was applied'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof InputError, String(error));
  assert.equal(error.code, code, error.message);
  for (const pattern of patterns) assert.match(error.message, pattern);
  return error;
}

const lines = (...names: string[]) => names.map((name) => `${name}\n`).join('');
const TEN = lines('1', '2', '3', '4', '5', '6', '7', '8', '9', '10');
const FIVE = '--- a/x.c\n+++ b/x.c\n@@ -4,3 +4,3 @@\n 4\n-5\n+five\n 6\n';

test('replaces the lines where the header says and keeps where each line came from', async () => {
  const result = await apply({ 'x.c': TEN }, FIVE);
  assert.equal(textOf(result, 'x.c'), TEN.replace('5', 'five'));
  assert.deepEqual(result.get('x.c')?.origins, [1, 2, 3, 4, null, 6, 7, 8, 9, 10]);
  assert.deepEqual(result.get('x.c')?.moves, []);
});

test('finds a hunk that moved, and tells by how much', async () => {
  const result = await apply({ 'x.c': `a\nb\n${TEN}` }, FIVE);
  assert.equal(textOf(result, 'x.c'), `a\nb\n${TEN.replace('5', 'five')}`);
  assert.deepEqual(result.get('x.c')?.moves, [{ patch: 'p1', hunk: 1, offset: 2 }]);
});

test('stacks patches, with line origins of the file before all of them', async () => {
  const second = '--- a/x.c\n+++ b/x.c\n@@ -1,3 +1,4 @@\n 1\n+new\n 2\n 3\n@@ -4,3 +5,2 @@\n 4\n-five\n 6\n';
  const result = await apply({ 'x.c': TEN }, FIVE, second);
  assert.equal(textOf(result, 'x.c'), lines('1', 'new', '2', '3', '4', '6', '7', '8', '9', '10'));
  assert.deepEqual(result.get('x.c')?.origins, [1, null, 2, 3, 4, 6, 7, 8, 9, 10]);
});

test('leaves out files that end up as they were', async () => {
  const back = '--- a/x.c\n+++ b/x.c\n@@ -4,3 +4,3 @@\n 4\n-five\n+5\n 6\n';
  assert.equal((await apply({ 'x.c': TEN }, FIVE, back)).size, 0);
});

test('creates, deletes, renames and copies files', async () => {
  const patch = [
    'diff --git a/n.c b/n.c\nnew file mode 100644\n--- /dev/null\n+++ b/n.c\n@@ -0,0 +1,2 @@\n+a\n+b\n',
    'diff --git a/d.c b/d.c\ndeleted file mode 100644\n--- a/d.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-d\n',
    'diff --git a/r.c b/s.c\nrename from r.c\nrename to s.c\n--- a/r.c\n+++ b/s.c\n@@ -1,2 +1,2 @@\n r\n-1\n+2\n',
    'diff --git a/c.c b/e.c\ncopy from c.c\ncopy to e.c\n',
  ].join('');
  const result = await apply({ 'd.c': 'd\n', 'r.c': 'r\n1\n', 'c.c': 'c\n' }, patch);
  assert.equal(textOf(result, 'n.c'), 'a\nb\n');
  assert.equal(result.get('n.c')?.before, null);
  assert.equal(textOf(result, 'd.c'), null);
  assert.equal(textOf(result, 'r.c'), null);
  assert.equal(textOf(result, 's.c'), 'r\n2\n');
  assert.deepEqual(result.get('s.c')?.origins, [1, null]);
  assert.equal(textOf(result, 'e.c'), 'c\n');
  assert.equal(result.has('c.c'), false);
});

test('respects a missing newline at the end of a file', async () => {
  const patch = '--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n\\ No newline at end of file\n+b\n';
  assert.equal(textOf(await apply({ x: 'a\nb' }, patch), 'x'), 'a\nb\n');
  await refuses(apply({ x: 'a\nb\n' }, patch), 'patch-does-not-apply');
});

test('leaves bytes around a change alone that are not UTF-8', async () => {
  const patch = '--- a/x\n+++ b/x\n@@ -2,3 +2,3 @@\n a\n-b\n+c\n d\n';
  assert.equal(textOf(await apply({ x: '\xe9\na\nb\nd\n\xff\n' }, patch), 'x'), '\xe9\na\nc\nd\n\xff\n');
});

test('finds -p0 and -p1 by which files exist', async () => {
  const p0 = FIVE.replace('a/x.c', 'net/x.c').replace('b/x.c', 'net/x.c');
  const p1 = FIVE.replace('a/x.c', 'linux-old/net/x.c').replace('b/x.c', 'linux-new/net/x.c');
  const orig = FIVE.replace('a/x.c', 'net/x.c.orig').replace('b/x.c', './net/x.c');
  for (const patch of [p0, p1, orig]) {
    assert.equal(textOf(await apply({ 'net/x.c': TEN }, patch), 'net/x.c'), TEN.replace('5', 'five'));
  }
  await refuses(apply({ 'other.c': TEN }, p1), 'patch-path-unknown', /linux-old\/net\/x\.c/, /git diff/);
});

test('refuses a context that differs, with the hunk, the expected and the found line', async () => {
  const error = await refuses(
    apply({ 'x.c': TEN.replace('6', 'six') }, FIVE),
    'patch-does-not-apply',
    /^p1:3: x\.c: hunk 1 of 1 \(line 4\) does not fit/,
    /line 6 expected: "6"\n {2}line 6 found: {4}"six"/,
  );
  assert.equal(error.context.alreadyApplied, false);
});

test('says when a patch looks already applied', async () => {
  const error = await refuses(
    apply({ 'x.c': TEN.replace('5', 'five') }, FIVE),
    'patch-does-not-apply',
    /already applied/,
  );
  assert.equal(error.context.alreadyApplied, true);
});

test('refuses to choose between two places, unless the function behind @@ tells', async () => {
  const body = '{\n\treturn 0;\n}\n';
  const tree = { 'x.c': `top\nint a(void)\n${body}int b(void)\n${body}end\n` };
  const patch = (section: string) =>
    `--- a/x.c\n+++ b/x.c\n@@ -20,3 +20,3 @@${section}\n {\n-\treturn 0;\n+\treturn 1;\n }\n`;
  await refuses(apply(tree, patch('')), 'patch-is-ambiguous', /found at lines 3, 7/, /-U10/);
  const result = await apply(tree, patch(' int b(void)'));
  assert.match(textOf(result, 'x.c') ?? '', /int b\(void\)\n\{\n\treturn 1;/);
});

test('holds a hunk without context behind it to the end of the file', async () => {
  const patch = '--- a/x\n+++ b/x\n@@ -2,1 +2,2 @@\n b\n+c\n';
  assert.equal(textOf(await apply({ x: 'a\nb\n' }, patch), 'x'), 'a\nb\nc\n');
  await refuses(apply({ x: 'a\nb\nz\n' }, patch), 'patch-does-not-apply', /end or start of the file/);
});

test('collects all failing hunks of a patch', async () => {
  const patch = `${FIVE}--- a/y.c\n+++ b/y.c\n@@ -1 +1 @@\n-1\n+one\n--- a/z.c\n+++ b/z.c\n@@ -1 +1 @@\n-1\n+one\n`;
  const error = await refuses(
    apply({ 'x.c': 'no\n', 'y.c': 'no\n' }, patch),
    'patch-does-not-apply',
    /x\.c/,
    /y\.c/,
    /z\.c does not exist/,
  );
  assert.deepEqual(error.context.files, ['x.c', 'y.c', 'z.c']);
});

test('refuses to create a file that exists, to change or delete one that does not, or to delete other text', async () => {
  const create = '--- /dev/null\n+++ b/x.c\n@@ -0,0 +1 @@\n+a\n';
  await refuses(apply({ 'x.c': 'b\n' }, create), 'patch-file-exists', /already exists/);
  await refuses(apply({ 'x.c': 'a\n' }, create), 'patch-file-exists', /already applied/);
  await refuses(apply({}, FIVE), 'patch-file-missing', /x\.c does not exist/);
  const remove = '--- a/x.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n';
  await refuses(apply({ 'x.c': 'a\nb\n' }, remove), 'patch-does-not-apply');
});

test('applies what diff made, for any two texts', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'resplice-patch-'));
  const text = fc
    .array(fc.constantFrom('a\n', 'b\n', 'c\n', '\n', '}\n'), { maxLength: 30 })
    .map((all) => all.join(''));
  try {
    await fc.assert(
      fc.asyncProperty(text, text, fc.boolean(), async (before, after, cut) => {
        const end = cut ? after.replace(/\n$/, '') : after;
        await writeFile(join(directory, 'before'), before);
        await writeFile(join(directory, 'after'), end);
        const made = await execa('diff', ['-u', '--label', 'a/x', '--label', 'b/x', 'before', 'after'], {
          cwd: directory,
          reject: false,
          stripFinalNewline: false,
        });
        if (made.stdout === '') return;
        assert.equal(textOf(await apply({ x: before }, made.stdout), 'x') ?? '', end);
      }),
      { seed: 20260502, numRuns: 150 },
    );
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('takes the nearest of several places only where it is told to', async () => {
  const text = lines('a', 'x', 'b', '1', '2', '3', 'a', 'x', 'b');
  const patch = parsePatch('--- a/x.c\n+++ b/x.c\n@@ -6,3 +6,3 @@\n a\n-x\n+y\n b\n', 'p');
  const read = async () => Buffer.from(text);
  await refuses(applyPatches([patch], read), 'patch-is-ambiguous');
  const nearest = await applyPatches([patch], read, 'nearest');
  assert.equal(textOf(nearest, 'x.c'), lines('a', 'x', 'b', '1', '2', '3', 'a', 'y', 'b'));
});
