// Updates that have nothing to do with each other, applied at the same time: of the kernel itself, of a loaded module, of two modules
// that are loaded later: one by hand, one by the kernel itself when it is needed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Fix, type FixName, makeFix } from '../../src/fix.js';
import type { GuestCase } from '../../src/guest-case.js';
import { NOTHING_LEFT } from '../../src/guest-script.js';
import { assertDone, assertProbe, listed } from '../expectation.js';

interface SideBySide {
  /** Of the kernel itself: fix → what its update shows. */
  readonly kernel: Readonly<Partial<Record<FixName, string>>>;
  /** What a probe prints once its update is applied, where that tells more than that it is safe. */
  readonly says?: Readonly<Partial<Record<FixName, RegExp>>>;
  readonly loaded: ModuleFix;
  readonly loadedByHand: ModuleFix;
  readonly loadedWhenNeeded: ModuleFix;
  /** What else the probes ask for. */
  readonly modules?: readonly string[];
}

interface ModuleFix {
  readonly fix: FixName;
  readonly module: string;
}

/** Of the kernel with the holes: two whose new code refers to static symbols that vmlinux has many times under one name. */
export const severalUpdates = applySideBySide({
  kernel: {
    'raw-hdrincl': 'new code that refers to one of many static functions called dst_output works',
    'ethtool-bitset':
      'new code that refers to one of many static strings called __msg.N says the right words',
  },
  says: { 'ethtool-bitset': /cannot modify bits past kernel bitset size/ },
  loaded: { fix: 'vsock-buffer', module: 'vsock' },
  loadedByHand: { fix: 'rxrpc-ticket', module: 'rxrpc' },
  loadedWhenNeeded: { fix: 'alg-assoclen', module: 'af_alg' },
  modules: ['pcbc', 'fcrypt', 'algif_skcipher', 'cbc'],
});

export const severalNewerUpdates = applySideBySide({
  kernel: {
    'landlock-whiteout': 'a rule of a security module is checked',
    'auxv-tail': 'a system call does not give away what is behind its data',
  },
  loaded: { fix: 'nfc-getsockopt', module: 'nfc' },
  loadedByHand: { fix: 'qdisc-sfq', module: 'sch_sfq' },
  loadedWhenNeeded: { fix: 'qdisc-hhf', module: 'sch_hhf' },
});

function applySideBySide({
  kernel,
  says = {},
  loaded,
  loadedByHand,
  loadedWhenNeeded,
  modules = [],
}: SideBySide): GuestCase {
  const inKernel = Object.entries(kernel) as readonly (readonly [FixName, string])[];
  const names = [
    ...inKernel.map(([name]) => name),
    ...[loaded, loadedByHand, loadedWhenNeeded].map(({ fix }) => fix),
  ];
  /** A probe of these would load the module, which is to be loaded after the update. */
  const loadedLater = [loadedByHand, loadedWhenNeeded];
  const fixes: Fix[] = [];
  return {
    title: 'updates of the kernel and of modules side by side',

    async plan(workshop, guest) {
      fixes.push(...(await Promise.all(names.map((name) => makeFix(workshop, name)))));
      for (const name of [loaded.module, ...loadedLater.map(({ module }) => module), ...modules])
        guest.module(name);
      guest.step({ name: `several: load ${loaded.module}`, argv: ['modprobe', loaded.module] });
      for (const { name, probe, user } of fixes) {
        if (!loadedLater.some(({ fix }) => fix === name)) guest.probe(`several: ${name} before`, probe, user);
      }
      for (const { name, update } of fixes)
        guest.resplice(`several: apply ${name}`, ['apply', guest.update(update)]);
      const later = loadedLater.map(({ module }) => module);
      guest.shell('several: not loaded', `! grep -E "^(${later.join('|')}) " /proc/modules`);
      guest.step({ name: 'several: load by hand', argv: ['modprobe', loadedByHand.module] });
      for (const { name, probe, user } of fixes) guest.probe(`several: ${name} applied`, probe, user);
      guest.shell('several: loaded', `grep -E "^${loadedWhenNeeded.module} " /proc/modules`);
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
      const assertPending = ({ fix, module }: ModuleFix): void =>
        assert.deepEqual(guest.answer(`several: apply ${fix}`).json.pending, [module]);

      for (const [name, title] of inKernel) {
        test(title, () => {
          assertProbe(guest, `several: ${name} before`, 'exposed');
          follow(name);
          const said = says[name];
          if (said !== undefined) assert.match(guest.ran(`several: ${name} applied`).stdout, said);
        });
      }

      test('a loaded module is updated', () => {
        assertProbe(guest, `several: ${loaded.fix} before`, 'exposed');
        assert.deepEqual(guest.answer(`several: apply ${loaded.fix}`).json.pending, []);
        follow(loaded.fix);
      });

      test('a module that is not loaded is reported as pending, and updated when it is loaded', () => {
        assertPending(loadedByHand);
        assert.equal(guest.ran('several: not loaded').exitCode, 0);
        assert.equal(guest.ran('several: load by hand').exitCode, 0);
        follow(loadedByHand.fix);
      });

      test('a module that the kernel itself loads when it is needed is updated then', () => {
        assertPending(loadedWhenNeeded);
        assert.equal(guest.ran('several: loaded').exitCode, 0);
        follow(loadedWhenNeeded.fix);
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
}
