// A module of another build than the update was made for, though of the same release: as a file that modprobe would take, loaded, and brought
// by insmod once the update is applied. It differs in nothing but its build id.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findModuleFile, readModule } from '@resplice/build';
import type { GuestCase } from '../../src/guest-case.js';
import { NOTHING_LEFT } from '../../src/guest-script.js';
import { replaceOnce } from '../../src/workshop.js';
import { assertDone, assertRefused } from '../expectation.js';

const MODULE = 'dummy';
const CHANGED = 'static int dummy_change_carrier(struct net_device *dev, bool new_carrier)\n{\n';
/** What the changed function says. */
const USE =
  'ip link set dummy0 up; echo 1 > /sys/class/net/dummy0/carrier; dmesg -c | grep -c "e2e new carrier"; true';
const UPDATES = '/lib/modules/$(uname -r)/updates';

export const otherBuild: GuestCase = {
  title: 'a module of another build',

  async plan(workshop, guest) {
    const patch = await workshop.rewrite('other-build', {
      path: 'drivers/net/dummy.c',
      edit: (text) => replaceOnce(text, CHANGED, `${CHANGED}\tpr_info("e2e new carrier\\n");\n`),
    });
    const update = await workshop.create('other-build', [patch]);
    const { modules } = await workshop.fetch();
    const shipped = await findModuleFile(modules, MODULE);
    const [object] = update.manifest.objects;
    if (shipped === undefined || object?.buildId == null) throw new Error(`there is no ${MODULE}`);
    const other = guest.file('/other/dummy.ko', withOtherId(await readModule(shipped), object.buildId));
    const file = guest.update(update);
    guest.module(MODULE);
    guest.shell(
      'build: offer',
      `mkdir ${UPDATES} && cp ${other} ${UPDATES} && depmod && modinfo -n ${MODULE}`,
    );
    guest.resplice('build: apply to the offered', ['apply', file]);
    guest.shell('build: take back', `rm -r ${UPDATES} && depmod`);
    guest.shell('build: load before', `insmod ${other}`);
    guest.resplice('build: apply to the loaded', ['apply', file]);
    guest.shell('build: unload', `rmmod ${MODULE}; dmesg -c >/dev/null`);
    guest.resplice('build: apply', ['apply', file]);
    guest.shell(
      'build: load after',
      `insmod ${other} 2>&1; grep -c "^${MODULE} " /proc/modules; dmesg -c | grep resplice:; true`,
    );
    guest.resplice('build: undo', ['undo', update.id]);
    guest.resplice('build: apply again', ['apply', file]);
    guest.shell('build: load the right one', `modprobe ${MODULE} && ${USE}`);
    guest.resplice('build: undo again', ['undo', update.id]);
    guest.shell('build: old again', `${USE}; rmmod ${MODULE}`);
    guest.inspectKernel('build: kernel after');
  },

  tests(guest) {
    test('the file that modprobe would take is refused, with its path', () => {
      assert.match(guest.printed('build: offer'), /updates\/dummy\.ko$/);
      const reasons = assertRefused(guest.answer('build: apply to the offered'), 'other-module-file');
      assert.match(JSON.stringify(reasons), /updates\/dummy\.ko, whose build id is/);
    });

    test('the loaded module is refused', () => {
      assertRefused(guest.answer('build: apply to the loaded'), 'other-module-build');
    });

    test('while the update is applied it is not let in, and the log says why', () => {
      assertDone(guest.answer('build: apply'));
      const { stdout } = guest.ran('build: load after');
      assert.match(stdout, /could not insert|invalid module format|Exec format error/i);
      assert.match(stdout, /\n0\n/);
      assert.match(stdout, /dummy is not let in: .*not the build/);
      assertDone(guest.answer('build: undo'));
    });

    test('the module that the update was made for is let in, and is new', () => {
      assertDone(guest.answer('build: apply again'));
      assert.equal(guest.printed('build: load the right one'), '1');
      assertDone(guest.answer('build: undo again'));
      assert.equal(guest.printed('build: old again'), '0');
      assert.deepEqual(guest.kernelState('build: kernel after'), NOTHING_LEFT);
    });
  },
};

/** And without its signature, which would not be true any more. */
function withOtherId(module: Uint8Array, buildId: string): Uint8Array {
  const bytes = Buffer.from(withoutSignature(module));
  const at = bytes.indexOf(Buffer.from(buildId, 'hex'));
  if (at < 0) throw new Error(`the module has no build id ${buildId}`);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}

/** Behind the module: the signature, twelve bytes that end with its length, and the mark. */
function withoutSignature(module: Uint8Array): Uint8Array {
  const mark = Buffer.from('~Module signature appended~\n');
  const end = module.length - mark.length;
  if (!Buffer.from(module.subarray(end)).equals(mark)) return module;
  const length = Buffer.from(module).readUInt32BE(end - 4);
  return module.subarray(0, end - 12 - length);
}
