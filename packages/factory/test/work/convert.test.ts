// What an answer of create means for a candidate.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeMade } from '../../src/work/convert.js';
import type { MadeUpdate } from '../../src/work/make-update.js';

const UPDATE = {
  id: 'fix_1',
  length: 10,
  sha256: 'a'.repeat(64),
  engine: 'trampoline',
  functions: 1,
  buildId: 'b'.repeat(40),
  requiresUnloaded: [],
};

function made(codes: readonly string[], change: Partial<MadeUpdate> = {}): MadeUpdate {
  const reasons = codes.map((code) => ({ code, subject: 'net/core/sock.o: sock_wfree', found: 'x' }));
  return { update: null, reasons, detailSha256: null, hasSkeleton: false, ...change };
}

const ASKED = { files: ['net/core/sock.c'], mayJoin: true, hasCode: false };

test('an update is automatic, conditional, or made with code of a person', () => {
  const update = { update: UPDATE };
  assert.equal(judgeMade(made([], update), ASKED).verdict, 'automatic');
  assert.equal(judgeMade(made([], update), { ...ASKED, hasCode: true }).verdict, 'with-code');
  const conditional = made([], { update: { ...UPDATE, requiresUnloaded: ['can_raw'] } });
  assert.deepEqual(judgeMade(conditional, ASKED), { event: 'found-automatic', verdict: 'conditional' });
});

test('what changes nothing that runs is not built', () => {
  assert.equal(judgeMade(made(['patch-changes-nothing-built']), ASKED).event, 'found-not-built');
  assert.equal(judgeMade(made(['patch-changes-no-code']), ASKED).verdict, 'no-code-changes');
});

test('what does not compile alone waits for its partners, once; then a person has to look', () => {
  assert.equal(judgeMade(made(['does-not-compile']), ASKED).event, 'found-incomplete');
  assert.equal(judgeMade(made(['unresolved-symbol']), ASKED).event, 'found-incomplete');
  const alone = judgeMade(made(['does-not-compile']), { ...ASKED, mayJoin: false });
  assert.deepEqual(alone, { event: 'found-needs-code', verdict: 'does-not-compile' });
});

test('what code of a person cures needs code, and all else is refused', () => {
  const curable = made(['changed-init-code'], { hasSkeleton: true });
  assert.equal(judgeMade(curable, ASKED).event, 'found-needs-code');
  assert.equal(judgeMade(made(['patch-changes-boot-code']), ASKED).event, 'found-refused');
  const wrongCode = judgeMade(made(['patch-malformed']), { ...ASKED, mayJoin: false, hasCode: true });
  assert.deepEqual(wrongCode, { event: 'found-needs-code', verdict: 'needs-code' });
});
