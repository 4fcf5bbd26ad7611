import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatSubject } from '@resplice/report';
import { alignColumns, count, formatBytes, formatDuration, printable } from '../src/printed-text.js';
import { renderReasons } from '../src/reason-text.js';

test('shows control characters instead of obeying them, but keeps lines and tabs', () => {
  assert.equal(printable('a\tb\nc\u001b[2Jd\re\u202e'), 'a\tb\nc\\x1b[2Jd\\x0de\\u202e');
});

test('prints sizes, times and counts as people write them', () => {
  assert.deepEqual([0, 999, 1000, 70_400_000].map(formatBytes), ['0 B', '999 B', '1.0 kB', '70 MB']);
  assert.deepEqual([400, 12_400, 185_000].map(formatDuration), ['0.4 s', '12 s', '3 min 05 s']);
  assert.deepEqual(
    [count(1, 'reason'), count(2, 'reason'), count(0, 'entry', 'entries')],
    ['1 reason', '2 reasons', '0 entries'],
  );
});

test('aligns columns without trailing spaces', () => {
  assert.deepEqual(
    alignColumns([
      ['a', 'long', ''],
      ['bcd', 'x', 'y'],
    ]),
    ['a    long', 'bcd  x     y'],
  );
});

test('shows each reason with subject, title, code, finding, advice and evidence', () => {
  const subject = { object: 'vmlinux', symbol: 'sk_attach_filter', offset: 4 };
  const lines = renderReasons([
    { code: 'not-root', subject: {}, found: 'user 1000' },
    { code: 'not-root', subject, found: 'user 1001', advice: 'ask root', evidence: ['one\ntwo'] },
  ]);
  assert.equal(lines[0], 'refused, for 2 reasons:');
  assert.match(lines[2] ?? '', /^1\. .+ \[not-root\]$/);
  assert.equal(lines[3], '   found: user 1000');
  assert.match(lines[4] ?? '', /^ {3}to do: .+/);
  assert.ok(lines[6]?.startsWith(`2. ${formatSubject(subject)}: `));
  assert.deepEqual(lines.slice(8), ['   to do: ask root', '     | one', '     | two']);
});
