import assert from 'node:assert/strict';
import { test } from 'node:test';
import { complaintOf } from '../../src/evaluate/complaint-of.js';
import type { UnitResult } from '../../src/evaluate/evaluation.js';

function refused(code: string, subject: string, found: string): UnitResult {
  return {
    id: 'a-000000',
    files: ['net/a.c'],
    joined: [],
    cves: [],
    built: true,
    changesCode: true,
    verdict: 'refused',
    requiresUnloaded: [],
    reasons: [{ code, subject, found }],
    applied: null,
    applyProblem: null,
    functions: 0,
    milliseconds: 1,
    toolMilliseconds: 1,
    program: '',
  };
}

test('a unit that lacks something asks for it by name, one that is refused for itself asks for nothing', () => {
  const compiler = refused('does-not-compile', '', "net/a.c:1:1: error: 'LIMIT' undeclared (first use)");
  assert.deepEqual(complaintOf(compiler)?.names, [{ kind: 'name', name: 'LIMIT' }]);
  const linker = refused('unresolved-symbol', 'net/a.o: fresh_function', 'no object of the kernel has it');
  assert.deepEqual(complaintOf(linker)?.names, [{ kind: 'name', name: 'fresh_function' }]);
  assert.deepEqual(complaintOf(refused('patch-does-not-apply', '', 'hunk 1'))?.files, ['net/a.c']);
  assert.equal(complaintOf(refused('changed-data', 'net/a.o: table', 'it is in use')), undefined);
});
