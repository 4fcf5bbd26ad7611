// Modules that come and go while an update by jumps is applied: patched before they run, with their hooks, each time they are loaded; by name
// what waits; and one that is not what the update was made for is not let in.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeUpdate, readUpdate, type Update } from '@resplice/update';
import type { GuestCase } from '../../src/guest-case.js';
import { NOTHING_LEFT } from '../../src/guest-script.js';
import { replaceOnce } from '../../src/workshop.js';
import { assertDone, listed } from '../expectation.js';

const MODULE = 'iptable_filter';
const EXIT = 'static void __exit iptable_filter_fini(void)\n{\n';
const KINDS = ['pre_apply', 'apply', 'post_apply', 'undo', 'post_undo'] as const;
const HOOKS = KINDS.map((kind) =>
  kind === 'pre_apply'
    ? `static int e2e_${kind}(void) { pr_info("e2e ${kind}\\n"); return 0; }\nRESPLICE_PRE_APPLY(e2e_${kind});\n`
    : `static void e2e_${kind}(void) { pr_info("e2e ${kind}\\n"); }\nRESPLICE_${kind.toUpperCase()}(e2e_${kind});\n`,
).join('');

export const waitingModules: GuestCase = {
  title: 'modules that come and go while an update by jumps is applied',

  async plan(workshop, guest) {
    const patch = await workshop.rewrite('waiting', {
      path: `net/ipv4/netfilter/${MODULE}.c`,
      // The hooks stand behind all else, so that they move nothing.
      edit: (text) =>
        `${replaceOnce(text, EXIT, `${EXIT}\tpr_info("e2e new exit of %s\\n", packet_filter.name);\n`)}\n#include <resplice.h>\n${HOOKS}`,
    });
    const update = await workshop.create('waiting', [patch], { engine: 'trampoline' });
    const file = guest.update(update);
    const doctored = encodeUpdate(otherCode(await readUpdate(update.file)));
    const otherFile = guest.file('/updates/other-module.splice', doctored);
    guest.module(MODULE);
    const log = "dmesg | sed -n 's/.*e2e //p'; dmesg -c >/dev/null";
    guest.shell('wait: clear log', 'dmesg -c >/dev/null');
    guest.resplice('wait: apply', ['apply', file]);
    guest.resplice('wait: list', ['list']);
    guest.shell('wait: load', `modprobe ${MODULE} && ${log}`);
    guest.resplice('wait: list loaded', ['list']);
    guest.shell('wait: unload', `rmmod ${MODULE} && ${log}`);
    guest.shell('wait: again', `modprobe ${MODULE} && rmmod ${MODULE} && ${log}`);
    guest.shell('wait: load for undo', `modprobe ${MODULE} && ${log}`);
    guest.resplice('wait: undo', ['undo', update.id]);
    guest.shell('wait: old exit', `${log}; rmmod ${MODULE} && ${log}`);
    guest.shell('wait: load first', `modprobe ${MODULE}`);
    guest.resplice('wait: apply loaded', ['apply', file]);
    guest.shell('wait: unload patched', `dmesg -c >/dev/null; rmmod ${MODULE} && ${log}`);
    guest.resplice('wait: undo unloaded', ['undo', update.id]);
    guest.resplice('wait: apply other', ['apply', otherFile]);
    guest.shell(
      'wait: not let in',
      `modprobe ${MODULE} 2>&1; grep -c '^${MODULE} ' /proc/modules; dmesg | grep resplice:`,
    );
    guest.resplice('wait: undo other', ['undo', update.id]);
    guest.shell('wait: let in', `modprobe ${MODULE} && rmmod ${MODULE}`);
    guest.inspectKernel('wait: kernel after');
  },

  tests(guest) {
    const said = (step: string): readonly string[] => guest.printed(step).split('\n').filter(Boolean);
    const waiting = (step: string) => listed(guest.answer(step)).map((each) => each.waiting);

    test('apply names a module that is not loaded, and list says that the core waits for it', () => {
      assertDone(guest.answer('wait: apply'));
      assert.deepEqual(guest.answer('wait: apply').json.pending, [MODULE]);
      assert.deepEqual(waiting('wait: list'), [[MODULE]]);
      assert.deepEqual(waiting('wait: list loaded'), [[]]);
    });

    test('it is patched when it is loaded, and its new exit code runs, reaching its own data', () => {
      assert.deepEqual(said('wait: load'), ['pre_apply', 'apply', 'post_apply']);
      assert.deepEqual(said('wait: unload'), ['new exit of filter', 'undo', 'post_undo']);
    });

    test('so it is every time', () => {
      const once = ['pre_apply', 'apply', 'post_apply', 'new exit of filter', 'undo', 'post_undo'];
      assert.deepEqual(said('wait: again'), once);
    });

    test('an undo reaches it, and then its old exit code runs', () => {
      assertDone(guest.answer('wait: undo'));
      assert.deepEqual(said('wait: old exit'), ['undo', 'post_undo']);
    });

    test('a module that was loaded before can be unloaded while it is patched', () => {
      assertDone(guest.answer('wait: apply loaded'));
      assert.deepEqual(guest.answer('wait: apply loaded').json.pending, []);
      assert.deepEqual(said('wait: unload patched'), ['new exit of filter', 'undo', 'post_undo']);
      assertDone(guest.answer('wait: undo unloaded'));
    });

    test('a module with other code than the update was made for is not let in, and the log says why', () => {
      assertDone(guest.answer('wait: apply other'));
      const { stdout } = guest.ran('wait: not let in');
      assert.match(stdout, /could not insert|can't insert|invalid module format|Exec format error/i);
      assert.match(stdout, /\n0\n/);
      assert.match(stdout, /iptable_filter is not let in: .* not the build that the update was made for/);
      assertDone(guest.answer('wait: undo other'));
      assert.equal(guest.ran('wait: let in').exitCode, 0);
      assert.deepEqual(guest.kernelState('wait: kernel after'), NOTHING_LEFT);
    });
  },
};

/** The same update for a module whose functions are different in their last byte. */
function otherCode(update: Update): Update {
  const objects = update.manifest.objects.map((object) => ({
    ...object,
    functions: object.functions.map((each) => {
      const code = Buffer.from(each.code, 'base64');
      code[each.size - 1] = (code[each.size - 1] ?? 0) ^ 1;
      const sites = each.sites.filter(({ at, length }) => at + length < each.size);
      return { ...each, code: code.toString('base64'), sites };
    }),
  }));
  return { ...update, manifest: { ...update.manifest, objects } };
}
