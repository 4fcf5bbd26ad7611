import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tellingUpdate } from '@resplice/update/sample';
import { renderCreated } from '../src/commands/create.js';
import { renderDiff } from '../src/commands/kernel-diff.js';

test('create says where the update is, what it replaces and what the time went into', () => {
  const statistics = { objects: 1, milliseconds: 6100, toolMilliseconds: 5300, peakMemoryBytes: 100_000_000 };
  const { lines, exitStatus } = renderCreated({ update: tellingUpdate(), statistics }, 'fix.splice');
  assert.equal(exitStatus, 0);
  assert.deepEqual(lines, [
    'fix.splice: update sample_1 for 6.1.0-47-amd64, replaces 1 function in vmlinux',
    '1 object compared in 6.1 s, 5.3 s of it in compiler and package tools',
  ]);
});

test('kernel diff names the files that differ, added and removed ones too', () => {
  const patch =
    '--- a/x.c\n+++ b/x.c\n@@ -1 +1 @@\n-a\n+b\n--- /dev/null\n+++ b/new.c\n--- a/old.c\n+++ /dev/null\n';
  assert.deepEqual(renderDiff(patch, 'fix.patch').json, {
    files: ['x.c', 'new.c', 'old.c'],
    output: 'fix.patch',
  });
  assert.deepEqual(renderDiff(patch, undefined).lines, [patch.trimEnd()]);
  assert.deepEqual(renderDiff('', 'fix.patch').lines, ['fix.patch: there is no difference']);
});
