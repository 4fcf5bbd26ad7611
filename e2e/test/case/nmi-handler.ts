// A handler of non-maskable interrupts runs while all CPUs stand still, and may call a function whose first bytes are being written. A debugger
// halts the guest behind each writing and sends an NMI; its handler, a part of another update, says what it finds and what it gets.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestDebugger } from '@resplice/vm';
import type { GuestCase } from '../../src/guest-case.js';
import { assertDone } from '../expectation.js';

/** The core calls it behind each writing, with the machine stopped. */
const BEHIND_A_WRITING = 'let_all_see';
/** Of each switch: the breakpoint, the rest, the first byte. */
const WRITINGS = 3;
/** Of gcd(), in both of its forms. */
const START = '\tunsigned long r = a | b;\n';
const ASKED = 4711;
const NEW_ANSWER = 12;

const HANDLER = `
#include <linux/string.h>
#include <asm/nmi.h>
#include <resplice.h>

static u8 e2e_shipped[16];

static int e2e_on_nmi(unsigned int type, struct pt_regs *regs)
{
	const u8 *now = (const u8 *)gcd;
	const char *found = "plain";
	unsigned int i;

	for (i = 0; i < sizeof(e2e_shipped) && now[i] == e2e_shipped[i]; i++)
		;
	if (i < sizeof(e2e_shipped))
		found = now[i] == 0xcc ? "trap" : "jump";
	pr_info("e2e nmi: %s %s\\n", found, gcd(${ASKED}, ${ASKED}) == ${NEW_ANSWER} ? "new" : "old");
	return NMI_HANDLED;
}

static struct nmiaction e2e_action = {
	.list = LIST_HEAD_INIT(e2e_action.list),
	.handler = e2e_on_nmi,
	.name = "e2e",
};

static void e2e_listen(void)
{
	memcpy(e2e_shipped, (void *)gcd, sizeof(e2e_shipped));
	__register_nmi_handler(NMI_LOCAL, &e2e_action);
}
RESPLICE_POST_APPLY(e2e_listen);

static void e2e_end(void)
{
	unregister_nmi_handler(NMI_LOCAL, "e2e");
}
RESPLICE_POST_UNDO(e2e_end);
RESPLICE_HANDLES_CALLBACK(e2e_action, "e2e_end ends it");
RESPLICE_HANDLES_CALLBACK(e2e_on_nmi, "e2e_end ends it");
`;

/** An NMI at once, and one behind each writing of an apply and an undo. */
async function sendAll(address: bigint, debug: GuestDebugger): Promise<void> {
  await debug.pause();
  for (let sent = 0; ; sent++) {
    await debug.sendNmi();
    if (sent < 2 * WRITINGS) await debug.setBreakpoint(address);
    debug.resume();
    if (sent === 2 * WRITINGS) return;
    await debug.stopped();
    await debug.clearBreakpoint(address);
    // Behind the breakpoint, which would be met again when the handler returns.
    await debug.step();
  }
}

export const nmiHandler: GuestCase = {
  title: 'a function that is called by an NMI handler while it is written',

  async plan(workshop, guest) {
    const handler = await workshop.rewrite('nmi-handler', {
      path: 'lib/math/lcm.c',
      edit: (text) => `${text}${HANDLER}`,
    });
    const fix = await workshop.rewrite('nmi-fix', {
      path: 'lib/math/gcd.c',
      edit: (text) =>
        text.replaceAll(
          START,
          `${START}\n\tif (a == ${ASKED} && b == ${ASKED})\n\t\treturn ${NEW_ANSWER};\n`,
        ),
    });
    const [listening, fixing] = [
      await workshop.create('nmi-handler', [handler], { engine: 'trampoline' }),
      await workshop.create('nmi-fix', [fix], { engine: 'trampoline' }),
    ];
    guest.resplice('nmi: listen', ['apply', guest.update(listening)]);
    guest.shell('nmi: where', `grep ' ${BEHIND_A_WRITING}\\s' /proc/kallsyms`);
    guest.attend('nmi: where', ({ stdout }, debug) => sendAll(BigInt(`0x${stdout.split(' ')[0]}`), debug));
    guest.shell('nmi: the first', 'until dmesg | grep -q "e2e nmi: "; do sleep 0.1; done');
    guest.resplice('nmi: apply', ['apply', guest.update(fixing)]);
    guest.resplice('nmi: undo', ['undo', fixing.id]);
    guest.resplice('nmi: end', ['undo', listening.id]);
  },

  tests(guest) {
    test('both updates are applied and undone', async () => {
      for (const name of ['listen', 'apply', 'undo', 'end']) assertDone(guest.answer(`nmi: ${name}`));
      await guest.attended('nmi: where');
    });

    test('its handler gets the new answer from the first breakpoint of an apply to the last one of an undo', () => {
      const calls = [...guest.result.kernelLog.matchAll(/e2e nmi: (.*)/g)].map(([, call]) => call);
      const [first, ...others] = calls;
      assert.equal(first, 'plain old');
      assert.deepEqual(others.slice(0, WRITINGS), ['trap new', 'trap new', 'jump new']);
      assert.deepEqual(others.slice(WRITINGS), ['trap new', 'trap new', 'plain old']);
    });
  },
};
