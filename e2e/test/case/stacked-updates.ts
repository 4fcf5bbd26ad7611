// Several updates of the same function. B is made on top of A; C is made from the shipped source, as if A did not exist.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeFix } from '../../src/fix.js';
import type { GuestCase } from '../../src/guest-case.js';
import { NOTHING_LEFT } from '../../src/guest-script.js';
import { makeLeadingFix } from '../../src/leading-fix.js';
import { assertDone, assertProbe, assertRefused } from '../expectation.js';

const ids = { a: '', b: '' };
let symbol = '';
let upperSays = /^$/;

export const stackedUpdates: GuestCase = {
  title: 'updates of the same function',

  async plan(workshop, guest) {
    const fix = await makeLeadingFix(workshop);
    const { update: a, probe } = fix;
    ({ symbol, upperSays } = fix);
    const [b, c, namesake] = await Promise.all([
      workshop.rewrite('on-top', fix.upper).then((top) => workshop.create('on-top', [top], { on: [a] })),
      workshop.rewrite('beside', fix.beside).then((other) => workshop.create('beside', [other])),
      makeFix(workshop, fix.other).then(({ patch }) => workshop.create('namesake', [patch], { id: a.id })),
    ]);
    Object.assign(ids, { a: a.id, b: b.id });
    const file = {
      a: guest.update(a),
      b: guest.update(b),
      c: guest.update(c),
      namesake: guest.update(namesake),
    };
    guest.resplice('stack: B without A', ['apply', file.b]);
    guest.resplice('stack: apply A', ['apply', file.a]);
    guest.resplice('stack: C beside A', ['apply', file.c]);
    guest.resplice('stack: namesake of A', ['apply', file.namesake]);
    guest.resplice('stack: apply B', ['apply', file.b]);
    guest.probe('stack: A and B', probe);
    guest.resplice('stack: undo A under B', ['undo', a.id]);
    guest.probe('stack: still A and B', probe);
    guest.resplice('stack: undo B', ['undo', b.id]);
    guest.probe('stack: A alone', probe);
    guest.resplice('stack: undo A', ['undo', a.id]);
    guest.probe('stack: none', probe);
    guest.inspectKernel('stack: kernel after');
  },

  tests(guest) {
    /** B answers with an error that the probe does not know. */
    const assertB = (step: string): void => {
      const { exitCode, stdout } = guest.ran(step);
      assert.deepEqual([exitCode, upperSays.test(stdout)], [2, true], stdout);
    };

    test('an update made on top of another one is refused without it, naming it', () => {
      const [reason] = assertRefused(guest.answer('stack: B without A'), 'required-update-missing');
      assert.match(`${reason?.found} ${reason?.advice}`, new RegExp(ids.a));
    });

    test('with the other one applied it applies, and its code runs', () => {
      assertDone(guest.answer('stack: apply A'));
      assertDone(guest.answer('stack: apply B'));
      assertB('stack: A and B');
    });

    test('the lower one cannot be undone while the upper one is applied, and the upper one is named', () => {
      const reasons = assertRefused(guest.answer('stack: undo A under B'), 'needed-by-update');
      assert.match(reasons[0]?.found ?? '', new RegExp(ids.b));
      assertB('stack: still A and B');
    });

    test('in the right order they come off, and the code of each layer runs again', () => {
      assertDone(guest.answer('stack: undo B'));
      assertProbe(guest, 'stack: A alone', 'safe');
      assertDone(guest.answer('stack: undo A'));
      assertProbe(guest, 'stack: none', 'exposed');
      assert.deepEqual(guest.kernelState('stack: kernel after'), NOTHING_LEFT);
    });

    test('an update of the same function that was not made on top is refused, naming function and holder', () => {
      const reasons = assertRefused(guest.answer('stack: C beside A'), 'function-held-by-update');
      assert.equal(reasons[0]?.subject.symbol, symbol);
      assert.match(reasons[0]?.found ?? '', new RegExp(ids.a));
    });

    test('another update under the id of an applied one is refused', () => {
      assertRefused(guest.answer('stack: namesake of A'), 'update-id-taken');
    });
  },
};
