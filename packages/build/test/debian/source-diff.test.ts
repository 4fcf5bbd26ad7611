import assert from 'node:assert/strict';
import { test } from 'node:test';
import { relabelDiff } from '../../src/debian/source-diff.js';

const TEXT = `diff --recursive --unified --new-file --no-dereference --show-c-function /c/a+1/linux/net/x.c /c/b/linux/net/x.c
--- /c/a+1/linux/net/x.c\t2026-05-08 10:00:00.000000000 +0000
+++ /c/b/linux/net/x.c\t2026-06-08 10:00:00.000000000 +0000
@@ -1,3 +1,3 @@ int f(void)
 a
--- /c/a+1/linux/is a removed line
+++ /c/b/linux/is an added line
 c
diff --recursive --unified --new-file --no-dereference --show-c-function /c/a+1/linux/net/new.h /c/b/linux/net/new.h
--- /c/a+1/linux/net/new.h\t1970-01-01 00:00:00.000000000 +0000
+++ /c/b/linux/net/new.h\t2026-06-08 10:00:00.000000000 +0000
@@ -0,0 +1 @@
+int x;
\\ No newline at end of file
`;

test('labels carry a/ and b/ and no times; an absent side is /dev/null; lines inside hunks stay', () => {
  assert.equal(
    relabelDiff(TEXT, '/c/a+1/linux', '/c/b/linux'),
    `diff a/net/x.c b/net/x.c
--- a/net/x.c
+++ b/net/x.c
@@ -1,3 +1,3 @@ int f(void)
 a
--- /c/a+1/linux/is a removed line
+++ /c/b/linux/is an added line
 c
diff a/net/new.h b/net/new.h
--- /dev/null
+++ b/net/new.h
@@ -0,0 +1 @@
+int x;
\\ No newline at end of file
`,
  );
});

test('no difference is an empty text', () => {
  assert.equal(relabelDiff('', '/a', '/b'), '');
});
