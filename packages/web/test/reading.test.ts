import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readUname } from '../src/pages/uname.js';
import { parseDiff } from '../src/ui/diff.js';

describe('what uname says', () => {
  const asked = {
    release: '6.1.0-47-amd64',
    version: '#1 SMP PREEMPT_DYNAMIC Debian 6.1.170-3 (2026-05-01)',
  };
  it('is read on one line, on two, and as uname -a has it', () => {
    assert.deepEqual(readUname(`${asked.release} ${asked.version}`), asked);
    assert.deepEqual(readUname(` ${asked.release}\n${asked.version}\n`), asked);
    assert.equal(
      readUname(`Linux web-01 ${asked.release} ${asked.version} x86_64 GNU/Linux`).release,
      asked.release,
    );
    assert.deepEqual(readUname('6.1.0-47-amd64'), { release: '6.1.0-47-amd64', version: '' });
  });

  it('is no release when it is none', () => {
    assert.deepEqual(readUname('what'), { release: 'what', version: '' });
  });
});

const DIFF = `some words before
--- a/net/x.c
+++ b/net/x.c
@@ -3,3 +3,4 @@ static int f(void)
 {
-	return 1;
+	int ret = 2;
+	return ret;
 }
--- a/net/gone.c
+++ /dev/null
@@ -1 +0,0 @@
-int gone;
\\ No newline at end of file
`;

describe('a diff', () => {
  it('is files with hunks, and lines with their numbers', () => {
    const [changed, gone] = parseDiff(DIFF);
    assert.deepEqual([changed?.path, changed?.added, changed?.removed], ['net/x.c', 2, 1]);
    assert.equal(changed?.hunks[0]?.title, 'static int f(void)');
    assert.deepEqual(
      changed?.hunks[0]?.lines.map(({ kind, before, after }) => [kind, before, after]),
      [
        ['same', 3, 3],
        ['removed', 4, undefined],
        ['added', undefined, 4],
        ['added', undefined, 5],
        ['same', 5, 6],
      ],
    );
    assert.deepEqual([gone?.path, gone?.removed], ['net/gone.c', 1]);
  });

  it('is never the end of the page, whatever the text is', () => {
    fc.assert(fc.property(fc.string(), (text) => Array.isArray(parseDiff(text))));
    const line = fc.constantFrom('--- a/x', '+++ b/x', '@@ -1 +1 @@', '+a', '-b', ' c', 'x', '');
    fc.assert(fc.property(fc.array(line), (lines) => Array.isArray(parseDiff(lines.join('\n')))));
  });
});
