// Updates that have nothing to do with each other, applied at the same time: two whose new code refers to static symbols
// that vmlinux has many times under one name, one of a loaded module, two of modules that are loaded later: one by hand, one by
// the kernel itself when it is needed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Fix, type FixName, makeFix } from '../../src/fix.js';
import type { GuestCase } from '../../src/guest-case.js';
import { NOTHING_LEFT } from '../../src/guest-script.js';
import { assertDone, assertProbe, listed } from '../expectation.js';

const NAMES: readonly FixName[] = [
  'raw-hdrincl',
  'ethtool-bitset',
  'vsock-buffer',
  'rxrpc-ticket',
  'alg-assoclen',
];
/** A probe of these would load the module, which is to be loaded after the update. */
const NOT_LOADED: readonly FixName[] = ['rxrpc-ticket', 'alg-assoclen'];
/** With what the probes ask for by name. */
const MODULES = ['vsock', 'rxrpc', 'pcbc', 'fcrypt', 'af_alg', 'algif_skcipher', 'cbc'];
const fixes: Fix[] = [];

export const severalUpdates: GuestCase = {
  title: 'updates of the kernel and of modules side by side',

  async plan(workshop, guest) {
    fixes.push(...(await Promise.all(NAMES.map((name) => makeFix(workshop, name)))));
    for (const name of MODULES) guest.module(name);
    guest.step({ name: 'several: load vsock', argv: ['modprobe', 'vsock'] });
    for (const { name, probe, user } of fixes) {
      if (!NOT_LOADED.includes(name)) guest.probe(`several: ${name} before`, probe, user);
    }
    for (const { name, update } of fixes)
      guest.resplice(`several: apply ${name}`, ['apply', guest.update(update)]);
    guest.shell('several: not loaded', '! grep -E "^(rxrpc|af_alg) " /proc/modules');
    guest.step({ name: 'several: load rxrpc', argv: ['modprobe', 'rxrpc'] });
    for (const { name, probe, user } of fixes) guest.probe(`several: ${name} applied`, probe, user);
    guest.resplice('several: list', ['list']);
    // In the order in which they were applied: they do not stand on each other.
    for (const { name, update } of fixes) guest.resplice(`several: undo ${name}`, ['undo', update.id]);
    for (const { name, probe, user } of fixes) guest.probe(`several: ${name} undone`, probe, user);
    guest.inspectKernel('several: kernel after');
  },

  tests(guest) {
    const follow = (name: FixName): void => {
      assertDone(guest.answer(`several: apply ${name}`));
      assertProbe(guest, `several: ${name} applied`, 'safe');
      assertDone(guest.answer(`several: undo ${name}`));
      assertProbe(guest, `several: ${name} undone`, 'exposed');
    };

    test('new code that refers to one of many static functions called dst_output works', () => {
      assertProbe(guest, 'several: raw-hdrincl before', 'exposed');
      follow('raw-hdrincl');
    });

    test('new code that refers to one of many static strings called __msg.N says the right words', () => {
      assertProbe(guest, 'several: ethtool-bitset before', 'exposed');
      follow('ethtool-bitset');
      const { stdout } = guest.ran('several: ethtool-bitset applied');
      assert.match(stdout, /cannot modify bits past kernel bitset size/);
    });

    test('a loaded module is updated', () => {
      assertProbe(guest, 'several: vsock-buffer before', 'exposed');
      assert.deepEqual(guest.answer('several: apply vsock-buffer').json.pending, []);
      follow('vsock-buffer');
    });

    test('a module that is not loaded is reported as pending, and updated when it is loaded', () => {
      assert.deepEqual(guest.answer('several: apply rxrpc-ticket').json.pending, ['rxrpc']);
      assert.equal(guest.ran('several: not loaded').exitCode, 0);
      assert.equal(guest.ran('several: load rxrpc').exitCode, 0);
      follow('rxrpc-ticket');
    });

    test('a module that the kernel itself loads when it is needed is updated then', () => {
      assert.deepEqual(guest.answer('several: apply alg-assoclen').json.pending, ['af_alg']);
      follow('alg-assoclen');
    });

    test('list names all of them, oldest first', () => {
      assert.deepEqual(
        listed(guest.answer('several: list')).map(({ id, state }) => [id, state]),
        fixes.map(({ update }) => [update.id, 'applied']),
      );
    });

    test('they come off in any order and leave nothing', () => {
      assert.deepEqual(guest.kernelState('several: kernel after'), NOTHING_LEFT);
    });
  },
};
