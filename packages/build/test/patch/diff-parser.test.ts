import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '@resplice/report';
import fc from 'fast-check';
import { parsePatch, parsePatches } from '../../src/patch/diff-parser.js';

const SIMPLE = `--- a/net/core/sock.c
+++ b/net/core/sock.c
@@ -1,3 +1,4 @@ int main(void)
 one
-two
+2
+zwei
 three
`;

const MAIL = `From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001
From: =?UTF-8?q?J=C3=BCrgen?= <j@example.org>
Date: Mon, 1 Jun 2026 10:00:00 +0000
Subject: [PATCH 6.1 2/3] tcp: restrict SO_ATTACH_FILTER =?UTF-8?q?f=C3=BCr?=
 priv users

Fixes cve-2026-53236 and CVE-2026-53236, see CVE-2026-43074.
---
 net/core/sock.c | 3 ++-
 1 file changed, 2 insertions(+), 1 deletion(-)

diff --git a/net/core/sock.c b/net/core/sock.c
index 1111111..2222222 100644
${SIMPLE}-- 
2.39.5

`;

function refuses(code: string, pattern: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof InputError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, pattern);
    return true;
  };
}

test('reads names, counts and lines of a plain unified diff', () => {
  const [file] = parsePatch(SIMPLE, 'x.patch').files;
  assert.equal(file?.kind, 'modify');
  assert.equal(file.oldPath, 'net/core/sock.c');
  assert.equal(file.newPath, 'net/core/sock.c');
  assert.equal(file.prefixKnown, true);
  const [hunk] = file.hunks;
  assert.equal(hunk?.section, 'int main(void)');
  assert.equal(hunk.line, 3);
  assert.deepEqual(
    hunk.lines.map((line) => line.kind + line.text),
    [' one\n', '-two\n', '+2\n', '+zwei\n', ' three\n'],
  );
});

test('takes subject and CVE numbers from a mail, each number once', () => {
  const patch = parsePatch(MAIL, 'x.patch');
  assert.equal(patch.subject, 'tcp: restrict SO_ATTACH_FILTER für priv users');
  assert.deepEqual(patch.cves, ['CVE-2026-53236', 'CVE-2026-43074']);
  assert.equal(patch.text, MAIL);
  assert.equal(patch.files.length, 1);
});

test('takes the subject from the output of git show', () => {
  const shown = `commit 0123456789abcdef0123456789abcdef01234567\nAuthor: A <a@b>\n\n    net: fix it\n\n    CVE-2026-1234\n\n`;
  const patch = parsePatch(`${shown}diff --git a/net/core/sock.c b/net/core/sock.c\n${SIMPLE}`, 'x.patch');
  assert.equal(patch.subject, 'net: fix it');
  assert.deepEqual(patch.cves, ['CVE-2026-1234']);
});

test('cuts several mails apart and leaves a subject out where there is none', () => {
  const patches = parsePatches(MAIL + MAIL, 'mbox');
  assert.deepEqual(
    patches.map((patch) => patch.name),
    ['mbox#1', 'mbox#2'],
  );
  assert.equal(parsePatch(SIMPLE, 'x').subject, '');
});

test('drops time stamps behind a tab and reads quoted names', () => {
  const text = SIMPLE.replace(
    '--- a/net/core/sock.c',
    '--- a/net/core/sock.c\t2026-05-01 10:00:00 +0000',
  ).replace('+++ b/net/core/sock.c', '+++ "b/net/core/\\303\\274 sock.c"');
  const [file] = parsePatch(text, 'x').files;
  assert.equal(file?.oldPath, 'net/core/sock.c');
  assert.equal(file.newPath, 'net/core/ü sock.c');
});

test('knows created, deleted, renamed and copied files and pure mode changes', () => {
  const text = [
    'diff --git a/new.c b/new.c\nnew file mode 100644\nindex 0000000..1\n--- /dev/null\n+++ b/new.c\n@@ -0,0 +1 @@\n+x\n',
    'diff --git a/old.c b/old.c\ndeleted file mode 100644\n--- a/old.c\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n',
    'diff --git a/from.c b/to.c\nsimilarity index 100%\nrename from from.c\nrename to to.c\n',
    'diff --git a/from.c b/copy.c\nsimilarity index 90%\ncopy from from.c\ncopy to copy.c\n',
    'diff --git a/script b/script\nold mode 100644\nnew mode 100755\n',
    'diff --git a/empty b/empty\nnew file mode 100644\nindex 0000000..e69de29\n',
  ].join('');
  const files = parsePatch(text, 'x').files.map(({ kind, oldPath, newPath }) => [kind, oldPath, newPath]);
  assert.deepEqual(files, [
    ['create', null, 'new.c'],
    ['delete', 'old.c', null],
    ['rename', 'from.c', 'to.c'],
    ['copy', 'from.c', 'copy.c'],
    ['modify', 'script', 'script'],
    ['create', null, 'empty'],
  ]);
});

test('takes the epoch of diff -N for a file that is not there', () => {
  const text =
    '--- o/new.c\t1970-01-01 00:00:00.000000000 +0000\n+++ n/new.c\t2026-05-01 10:00:00 +0000\n@@ -0,0 +1 @@\n+x\n';
  assert.equal(parsePatch(text, 'x').files[0]?.kind, 'create');
});

test('keeps a missing newline at the end of a file with its line', () => {
  const text =
    '--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n';
  const lines = parsePatch(text, 'x').files[0]?.hunks[0]?.lines;
  assert.deepEqual(lines, [
    { kind: '-', text: 'a' },
    { kind: '+', text: 'b' },
  ]);
});

test('undoes the conversion of a whole patch to CRLF, but keeps CR that belongs to the file', () => {
  assert.deepEqual(parsePatch(SIMPLE.replaceAll('\n', '\r\n'), 'x').files, parsePatch(SIMPLE, 'x').files);
  const dos = parsePatch('--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\r\n+b\r\n', 'x').files[0]?.hunks[0]?.lines;
  assert.equal(dos?.[0]?.text, 'a\r\n');
});

test('reads an empty line as empty context, as mailers leave it, and a last line without newline', () => {
  const lines = parsePatch('--- a/x\n+++ b/x\n@@ -1,2 +1,3 @@\n\n+b\n c', 'x').files[0]?.hunks[0]?.lines;
  assert.deepEqual(lines?.[0], { kind: ' ', text: '\n' });
  assert.deepEqual(lines?.[2], { kind: ' ', text: 'c\n' });
});

test('keeps bytes that are not UTF-8', () => {
  const bytes = Buffer.from('--- a/x\n+++ b/x\n@@ -1 +1 @@\n-\xe9\n+e\n', 'latin1');
  assert.equal(parsePatch(bytes, 'x').files[0]?.hunks[0]?.lines[0]?.text, '\xe9\n');
});

const HEAD = '--- a/x.c\n+++ b/x.c\n';
const MALFORMED: readonly (readonly [string, string, string, RegExp])[] = [
  ['text without a diff', 'hello\n', 'patch-empty', /^p: no change found; expected a unified diff/],
  [
    'a hunk that ends too early',
    `${HEAD}@@ -1,3 +1,3 @@\n a\n`,
    'patch-malformed',
    /^p:5: .*2 more old and 2 more new/,
  ],
  [
    'a hunk with a line too many',
    `${HEAD}@@ -1 +1 @@\n-a\n+b\n+c\n`,
    'patch-malformed',
    /^p:6: .*one more than/,
  ],
  [
    'more removed lines than counted',
    `${HEAD}@@ -1,1 +1,2 @@\n-a\n-b\n+c\n+d\n`,
    'patch-malformed',
    /^p:5: .*more "-" lines/,
  ],
  ['a line of unknown kind', `${HEAD}@@ -1,2 +1,2 @@\n a\nb\n`, 'patch-malformed', /^p:5: .*got "b"/],
  ['a damaged hunk header', `${HEAD}@@ -1,x +1 @@\n a\n`, 'patch-malformed', /^p:3: expected "@@ -line/],
  ['no hunk', HEAD, 'patch-malformed', /^p:3: expected "@@/],
  ['a hunk without a file', '@@ -1 +1 @@\n-a\n+b\n', 'patch-malformed', /^p:1: a hunk without a file/],
  ['an insertion without context', `${HEAD}@@ -3,0 +4 @@\n+a\n`, 'patch-malformed', /^p:3: .*no context/],
  [
    'overlapping hunks',
    `${HEAD}@@ -1,2 +1,1 @@\n a\n-b\n@@ -2 +1 @@\n-b\n+c\n`,
    'patch-malformed',
    /^p:6: .*inside the one before/,
  ],
  [
    'a line behind the end of the file',
    `${HEAD}@@ -1,2 +1 @@\n-a\n\\ No newline\n-b\n+c\n`,
    'patch-malformed',
    /^p:6: a line follows/,
  ],
  ['a context diff', '*** a/x.c\n--- b/x.c\n***************\n', 'patch-malformed', /^p:1: .*context diff/],
  ['a combined diff', 'diff --cc x.c\nindex 1,2..3\n--- a/x.c\n', 'patch-combined', /^p:1: .*combined/],
  ['a combined hunk', `${HEAD}@@@ -1,1 -1,1 +1,1 @@@\n`, 'patch-combined', /^p:3: .*combined/],
  [
    'a binary patch',
    'diff --git a/x b/x\nindex 1..2 100644\nGIT binary patch\nliteral 3\n',
    'patch-binary',
    /^p:3: .*binary/,
  ],
  ['a binary difference', 'diff -ru a/x b/x\nBinary files a/x and b/x differ\n', 'patch-binary', /^p:2: /],
  [
    'a symbolic link',
    'diff --git a/x b/x\nnew file mode 120000\n--- /dev/null\n+++ b/x\n',
    'patch-unsupported-file',
    /^p:2: /,
  ],
  [
    'a difference of directories that is not whole',
    'Only in b/net: new.c\n',
    'patch-incomplete',
    /^p:1: .*diff -N/,
  ],
  ['an absolute path', SIMPLE.replace('a/net', '/etc'), 'patch-path-unsafe', /^p:1: .*is absolute/],
  ['a path that climbs', SIMPLE.replace('b/net', 'b/../../etc'), 'patch-path-unsafe', /^p:2: .*climbs/],
  [
    'a rename that climbs',
    'diff --git a/x b/y\nrename from x\nrename to ../y\n',
    'patch-path-unsafe',
    /^p:3: .*climbs/,
  ],
  ['half a rename', 'diff --git a/x b/y\nrename from x\n', 'patch-malformed', /^p:1: expected both/],
  [
    'a path that is a directory',
    SIMPLE.replace('a/net/core/sock.c', 'a/'),
    'patch-path-unsafe',
    /names a directory/,
  ],
  ['two absent sides', '--- /dev/null\n+++ /dev/null\n@@ -1 +1 @@\n', 'patch-malformed', /both sides/],
  [
    'a quoted name without end',
    '--- "a/x\n+++ b/x\n@@ -1 +1 @@\n',
    'patch-malformed',
    /^p:1: .*does not end/,
  ],
  [
    'an encoded mail',
    `Subject: x\nContent-Transfer-Encoding: base64\n\n${SIMPLE}`,
    'patch-mail-encoded',
    /^p: .*base64/,
  ],
  [
    'an attachment',
    `Subject: x\nContent-Type: multipart/mixed; boundary=x\n\n${SIMPLE}`,
    'patch-mail-encoded',
    /multipart/,
  ],
];

for (const [what, text, code, pattern] of MALFORMED) {
  test(`refuses ${what}`, () => {
    assert.throws(() => parsePatch(text, 'p'), refuses(code, pattern));
  });
}

test('answers every damaged patch with a patch or an InputError', () => {
  const position = fc.nat(MAIL.length - 1);
  fc.assert(
    fc.property(position, position, fc.string({ maxLength: 4 }), (from, length, put) => {
      const damaged = MAIL.slice(0, from) + put + MAIL.slice(from + (length % 40));
      try {
        assert.ok(parsePatch(damaged, 'p').files.length > 0);
      } catch (error) {
        assert.ok(error instanceof InputError, String(error));
      }
    }),
    { seed: 20260501, numRuns: 2000 },
  );
});
