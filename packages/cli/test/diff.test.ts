import assert from 'node:assert';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { diffObjects, parseObject } from '@resplice/engine';
import { renderDiff } from '../src/commands/diff.js';

const work = mkdtempSync(join(tmpdir(), 'resplice-diff-'));
after(() => rmSync(work, { recursive: true }));

function compile(name: string, source: string) {
  writeFileSync(join(work, `${name}.c`), source);
  const flags = ['-O2', '-c', '-fno-pie', '-ffunction-sections', '-fdata-sections', '-pg', '-mfentry'];
  execFileSync('gcc-12', [...flags, '-fno-asynchronous-unwind-tables', '-o', `${name}.o`, `${name}.c`], {
    cwd: work,
  });
  return parseObject(readFileSync(join(work, `${name}.o`)), `${name}.o`);
}

const BEFORE = 'int limit = 4; int check(int n) { return n > limit; }';

test('tells which function is replaced, and where it first differs', () => {
  const changed = compile('changed', BEFORE.replace('n > limit', 'n >= limit'));
  const outcome = renderDiff(
    diffObjects('x.o', compile('before', BEFORE), changed, { find: () => undefined }),
  );
  assert.equal(outcome.exitStatus, 0);
  assert.equal(outcome.json.verdict, 'accepted');
  assert.match(outcome.lines.join('\n'), /replaced +check .*\+0xd: setl .* \| setle /);
});

test('refuses with reasons when live data changes', () => {
  const changed = compile('data', BEFORE.replace('limit = 4', 'limit = 5'));
  const outcome = renderDiff(
    diffObjects('x.o', compile('before', BEFORE), changed, { find: () => undefined }),
  );
  assert.equal(outcome.exitStatus, 1);
  assert.match(outcome.lines.join('\n'), /changed-data/);
});
