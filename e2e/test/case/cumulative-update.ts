// A cumulative update: made from the shipped source, it takes the place of all that is applied, in one switch.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestCase } from '../../src/guest-case.js';
import { NOTHING_LEFT } from '../../src/guest-script.js';
import { makeLeadingFix } from '../../src/leading-fix.js';
import { assertDone, assertProbe, assertRefused, listed } from '../expectation.js';

const ids = { whole: '', lower: '', upper: '' };
let upperSays = /^$/;

export const cumulativeUpdate: GuestCase = {
  title: 'a cumulative update',

  async plan(workshop, guest) {
    const fix = await makeLeadingFix(workshop);
    const { update: lower, patch, probe } = fix;
    upperSays = fix.upperSays;
    const top = await workshop.rewrite('cumulative-top', fix.upper);
    const upper = await workshop.create('cumulative-top', [top], { on: [lower] });
    const whole = await workshop.create('cumulative', [patch, top], { id: 'cumulative' });
    Object.assign(ids, { whole: whole.id, lower: lower.id, upper: upper.id });
    guest.resplice('all: apply lower', ['apply', guest.update(lower)]);
    guest.resplice('all: apply upper', ['apply', guest.update(upper)]);
    guest.resplice('all: refused beside them', ['apply', guest.update(whole)]);
    guest.resplice('all: apply instead', ['apply', '--replace', guest.update(whole)]);
    guest.probe('all: applied', probe);
    guest.resplice('all: list', ['list']);
    guest.resplice('all: undo', ['undo', whole.id]);
    guest.probe('all: undone', probe);
    guest.inspectKernel('all: kernel after');
  },

  tests(guest) {
    test('is refused beside what it contains, and with --replace takes its place', () => {
      assertDone(guest.answer('all: apply lower'));
      assertDone(guest.answer('all: apply upper'));
      const reasons = assertRefused(
        guest.answer('all: refused beside them'),
        ...guest.answer('all: refused beside them').reasons.map(() => 'function-held-by-update'),
      );
      assert.ok(reasons.length > 0);
      const replaced = guest.answer('all: apply instead');
      assertDone(replaced);
      assert.deepEqual(replaced.json.replaced, [ids.lower, ids.upper]);
      assert.deepEqual(
        listed(guest.answer('all: list')).map(({ id, state }) => [id, state]),
        [[ids.whole, 'applied']],
      );
    });

    test('its code runs, and undoing it leads to the shipped code', () => {
      const { exitCode, stdout } = guest.ran('all: applied');
      assert.deepEqual([exitCode, upperSays.test(stdout)], [2, true], stdout);
      assertDone(guest.answer('all: undo'));
      assertProbe(guest, 'all: undone', 'exposed');
      assert.deepEqual(guest.kernelState('all: kernel after'), NOTHING_LEFT);
    });
  },
};
