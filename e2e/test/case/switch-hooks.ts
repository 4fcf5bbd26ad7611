// Hooks under the trampoline engine: when each runs, and what comes of one that refuses.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestCase } from '../../src/guest-case.js';
import { NOTHING_LEFT } from '../../src/guest-script.js';
import { replaceOnce } from '../../src/workshop.js';
import { assertDone, assertRefused } from '../expectation.js';

const KINDS = [
  'pre_apply',
  'apply',
  'post_apply',
  'pre_undo',
  'undo',
  'post_undo',
  'fail_apply',
  'fail_undo',
] as const;
const ANCHOR = '\nnoinline\nint kstrtobool(';

/** Prints its name when it runs; the two that are asked answer `answer`. */
function writeHooks(answer: string): string {
  const hooks = KINDS.map((kind) => {
    const name = `e2e_${kind}`;
    const say = `pr_info("e2e hook ${kind}\\n");`;
    return kind.startsWith('pre_')
      ? `static int ${name}(void) { ${say} return ${kind === 'pre_apply' ? answer : '0'}; }\nRESPLICE_${kind.toUpperCase()}(${name});`
      : `static void ${name}(void) { ${say} }\nRESPLICE_${kind.toUpperCase()}(${name});`;
  });
  return `\n#include <resplice.h>\n${hooks.join('\n')}\n`;
}

export const switchHooks: GuestCase = {
  title: 'hooks of an update for the trampoline engine',

  async plan(workshop, guest) {
    const make = async (name: string, answer: string) => {
      const patch = await workshop.rewrite(name, {
        path: 'lib/kstrtox.c',
        edit: (text) =>
          replaceOnce(
            replaceOnce(text, "\tcase 'Y':\n", "\tcase 'Y':\n\tcase 'j':\n"),
            ANCHOR,
            `${writeHooks(answer)}${ANCHOR}`,
          ),
      });
      return workshop.create(name, [patch], { engine: 'trampoline' });
    };
    const [willing, unwilling] = [await make('hooks', '0'), await make('no-hooks', '-EBUSY')];
    const log = (name: string): void =>
      guest.shell(name, "dmesg | sed -n 's/.*e2e hook //p'; dmesg -c >/dev/null");
    guest.shell('hooks: clear log', 'dmesg -c >/dev/null');
    guest.resplice('hooks: apply', ['apply', guest.update(willing)]);
    log('hooks: log of apply');
    guest.resplice('hooks: undo', ['undo', willing.id]);
    log('hooks: log of undo');
    guest.resplice('hooks: apply unwilling', ['apply', guest.update(unwilling)]);
    log('hooks: log of refusal');
    guest.inspectKernel('hooks: kernel after');
  },

  tests(guest) {
    const ran = (step: string): readonly string[] => guest.ran(step).stdout.trim().split('\n');

    test('those of apply and of undo run once each, in their order', () => {
      assertDone(guest.answer('hooks: apply'));
      assert.deepEqual(ran('hooks: log of apply'), ['pre_apply', 'apply', 'post_apply']);
      assertDone(guest.answer('hooks: undo'));
      assert.deepEqual(ran('hooks: log of undo'), ['pre_undo', 'undo', 'post_undo']);
    });

    test('one that refuses is named with its answer, the fail hook runs, and nothing is left', () => {
      const [reason] = assertRefused(guest.answer('hooks: apply unwilling'), 'hook-refused');
      assert.match(reason?.found ?? '', /^its hook e2e_pre_apply \(vmlinux\) answered EBUSY$/);
      assert.deepEqual(ran('hooks: log of refusal'), ['pre_apply', 'fail_apply']);
      assert.deepEqual(guest.kernelState('hooks: kernel after'), NOTHING_LEFT);
    });
  },
};
