// Real fixes of the 6.12 branch that user space can see work: in vmlinux and in modules that are loaded before.

import { test } from 'node:test';
import { type Fix, type FixName, makeFix } from '../../src/fix.js';
import type { GuestCase } from '../../src/guest-case.js';
import { assertDone, assertProbe } from '../expectation.js';

const NAMES: readonly FixName[] = [
  'qdisc-sfq',
  'qdisc-fq',
  'qdisc-fq-codel',
  'qdisc-fq-pie',
  'qdisc-hhf',
  'nfc-getsockopt',
];
const MODULES = ['sch_sfq', 'sch_fq', 'sch_fq_pie', 'sch_hhf', 'nfc'];

export const newerFixes: GuestCase = {
  title: 'real fixes of the branch',

  async plan(workshop, guest) {
    const fixes: Fix[] = [];
    for (const name of NAMES) fixes.push(await makeFix(workshop, name));
    for (const name of MODULES) guest.module(name);
    guest.shell('fixes: load modules', MODULES.map((name) => `modprobe ${name}`).join(' && '));
    for (const { name, probe, user, update } of fixes) {
      guest.probe(`fixes: ${name} before`, probe, user);
      guest.resplice(`fixes: apply ${name}`, ['apply', guest.update(update)]);
      guest.probe(`fixes: ${name} applied`, probe, user);
      guest.resplice(`fixes: undo ${name}`, ['undo', update.id]);
      guest.probe(`fixes: ${name} undone`, probe, user);
    }
  },

  tests(guest) {
    for (const name of NAMES) {
      test(`${name}: exposed, safe while it is applied, exposed again`, () => {
        assertProbe(guest, `fixes: ${name} before`, 'exposed');
        assertDone(guest.answer(`fixes: apply ${name}`));
        assertProbe(guest, `fixes: ${name} applied`, 'safe');
        assertDone(guest.answer(`fixes: undo ${name}`));
        assertProbe(guest, `fixes: ${name} undone`, 'exposed');
      });
    }
  },
};
