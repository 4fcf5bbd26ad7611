// Code that the livepatch core cannot reach: a function of a file that the kernel compiles without ftrace, one that is notrace in a file that has
// ftrace, and one in assembly. `create` is left to choose the engine by itself.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { GuestCase } from '../../src/guest-case.js';
import { NOTHING_LEFT } from '../../src/guest-script.js';
import { ROOT } from '../../src/resplice-command.js';
import { type MadeUpdate, replaceOnce } from '../../src/workshop.js';
import { assertDone, assertRefused } from '../expectation.js';

const SWITCH = '/sys/module/printk/parameters/time';
const ENTRY = 'SYM_FUNC_START(csum_partial_copy_generic)\n';
const SECONDS = 1_000_000;
/** The time of an event in seconds, by the clock of that function. Choosing a clock empties the buffer, so its time never goes back. */
const READ_CLOCK = [
  'cd /sys/kernel/tracing',
  'echo mono >trace_clock && echo e2e >trace_marker',
  "sed -n 's/.* \\([0-9]*\\)\\.[0-9]*: tracing_mark_write: e2e$/\\1/p' trace",
  'echo local >trace_clock',
].join('\n');
const made: MadeUpdate[] = [];
let refusal: Parameters<typeof assertRefused>[0] | undefined;

export const unreachableCode: GuestCase = {
  title: 'functions without an ftrace entry',

  async plan(workshop, guest) {
    const untraced = await workshop.rewrite('untraced', {
      path: 'lib/kstrtox.c',
      edit: (text) => replaceOnce(text, "\tcase 'Y':\n", "\tcase 'Y':\n\tcase 'j':\n"),
    });
    const assembly = await workshop.rewrite('assembly', {
      path: 'arch/x86/lib/csum-copy_64.S',
      edit: (text) =>
        replaceOnce(text, ENTRY, `${ENTRY}\tcmpl $777, %edx\n\tjne 99f\n\txorl %eax, %eax\n\tRET\n99:\n`),
    });
    const notrace = await workshop.rewrite('notrace', {
      path: 'kernel/time/timekeeping.c',
      edit: (text) =>
        replaceOnce(
          text,
          'return __ktime_get_fast_ns(&tk_fast_mono);',
          `return __ktime_get_fast_ns(&tk_fast_mono) + ${SECONDS}000000000ULL;`,
        ),
    });
    refusal = await workshop.tryToCreate('untraced-livepatch', [untraced], { engine: 'livepatch' });
    made.push(await workshop.create('untraced', [untraced], { engine: 'auto' }));
    made.push(await workshop.create('assembly', [assembly], { engine: 'auto' }));
    made.push(await workshop.create('notrace', [notrace], { engine: 'auto' }));
    const program = guest.file(
      '/checksum-copy',
      await workshop.compile(join(ROOT, 'e2e/src/checksum-copy.c')),
      0o755,
    );
    const look = (when: string): void => {
      guest.shell(`unreachable: boolean ${when}`, `echo j >${SWITCH}`);
      guest.step({ name: `unreachable: checksum ${when}`, argv: [program] });
      guest.shell(`unreachable: clock ${when}`, READ_CLOCK);
    };
    look('before');
    for (const update of made)
      guest.resplice(`unreachable: apply ${update.id}`, ['apply', guest.update(update)]);
    look('applied');
    guest.resplice('unreachable: list', ['list']);
    for (const update of made) guest.resplice(`unreachable: undo ${update.id}`, ['undo', update.id]);
    look('undone');
    guest.inspectKernel('unreachable: kernel after');
  },

  tests(guest) {
    test('the livepatch engine refuses it and names the other one, which auto takes, saying why', () => {
      const [reason] = refusal === undefined ? [] : assertRefused(refusal, 'not-traceable');
      assert.equal(reason?.subject.symbol, 'kstrtobool');
      const engines = made.map(({ manifest }) => [manifest.engine, manifest.engineReason]);
      assert.deepEqual(engines, [
        ['trampoline', 'livepatch cannot redirect kstrtobool'],
        ['trampoline', 'livepatch cannot redirect csum_partial_copy_generic'],
        ['trampoline', made[2]?.manifest.engineReason],
      ]);
      assert.match(made[2]?.manifest.engineReason ?? '', /cannot redirect .*ktime_get_mono_fast_ns/);
    });

    test('a function compiled without ftrace does the new, and after undo the old', () => {
      for (const { id } of made) assertDone(guest.answer(`unreachable: apply ${id}`));
      const codes = ['before', 'applied', 'undone'].map(
        (when) => guest.ran(`unreachable: boolean ${when}`).exitCode,
      );
      assert.deepEqual(codes, [1, 0, 1]);
    });

    test('so does a notrace function of a file with ftrace', () => {
      const late = ['before', 'applied', 'undone'].map(
        (when) => Number(guest.printed(`unreachable: clock ${when}`)) >= SECONDS,
      );
      assert.deepEqual(late, [false, true, false]);
    });

    test('so does a function written in assembly', () => {
      const codes = ['before', 'applied', 'undone'].map(
        (when) => guest.ran(`unreachable: checksum ${when}`).exitCode,
      );
      assert.deepEqual(codes, [1, 0, 1]);
    });

    test('nothing is left after undo', () => {
      for (const { id } of made) assertDone(guest.answer(`unreachable: undo ${id}`));
      assert.deepEqual(guest.kernelState('unreachable: kernel after'), NOTHING_LEFT);
    });
  },
};
