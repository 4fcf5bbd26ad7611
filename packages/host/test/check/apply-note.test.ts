import assert from 'node:assert';
import { test } from 'node:test';
import { checkApply } from '../../src/check/apply-check.js';
import { makeMachine, makeObject, makeUpdate } from '../fake/situation.js';

test('says which modules must stay loaded', () => {
  const update = makeUpdate('fix_one', { objects: [{ ...makeObject('dummy', []), reloadable: false }] });
  const verdict = checkApply(makeMachine(), update);
  assert.ok(verdict.ok);
  assert.match(verdict.value.notes.join('\n'), /if dummy is unloaded/);
});
