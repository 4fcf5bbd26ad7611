// Real fixes of the 6.12 branch: those that user space can see work, with a probe; some of modules for what their code has; and two
// of the first by the trampoline engine as well.

import { test } from 'node:test';
import { FIXES, type FixName, makeFix } from '../../src/fix.js';
import type { GuestCase } from '../../src/guest-case.js';
import { assertUnit, planUnit, type UnitSteps } from '../../src/unit-steps.js';
import type { EngineName, Workshop } from '../../src/workshop.js';

interface NewerFix {
  readonly title: string;
  readonly modules: readonly string[];
  readonly engine?: EngineName;
  readonly probe?: FixName;
  /** Of fixes without a probe. */
  readonly file?: string;
}

const WITH_PROBE: readonly (readonly [FixName, readonly string[]])[] = [
  ['landlock-whiteout', []],
  ['auxv-tail', []],
  ['qdisc-fq-codel', []],
  ['qdisc-sfq', ['sch_sfq']],
  ['qdisc-fq', ['sch_fq']],
  ['qdisc-fq-pie', ['sch_fq_pie']],
  ['qdisc-hhf', ['sch_hhf']],
  ['nfc-getsockopt', ['nfc']],
  ['tls-sockmap', ['tls']],
];

const NEWER_FIXES: readonly NewerFix[] = [
  ...WITH_PROBE.map(([probe, modules]) => ({ title: probe, modules, probe })),
  ...WITH_PROBE.filter(([probe]) => probe === 'landlock-whiteout' || probe === 'tls-sockmap').map(
    ([probe, modules]) => ({
      title: `${probe} by trampolines`,
      modules,
      probe,
      engine: 'trampoline' as const,
    }),
  ),
  { title: 'ah6', modules: ['ah6'], file: 'net/ipv6/ah6.c' },
  { title: 'tipc', modules: ['tipc'], file: 'net/tipc/socket.c' },
  { title: 'uhid', modules: ['uhid'], file: 'drivers/hid/uhid.c' },
];

const planned = new Map<NewerFix, UnitSteps>();

export const newerFixes: GuestCase = {
  title: 'real fixes of the branch',

  async plan(workshop, guest) {
    for (const fix of NEWER_FIXES) {
      const steps = await makeSteps(workshop, fix);
      planUnit(guest, steps);
      planned.set(fix, steps);
    }
  },

  tests(guest) {
    for (const fix of NEWER_FIXES) {
      const how =
        fix.probe === undefined
          ? 'applied, active and taken back'
          : 'exposed, safe while it is applied, exposed again';
      test(`${fix.title}: ${how}`, () => {
        const steps = planned.get(fix);
        if (steps === undefined) throw new Error('no update was made');
        assertUnit(guest, steps);
      });
    }
  },
};

async function makeSteps(workshop: Workshop, fix: NewerFix): Promise<UnitSteps> {
  const { title: name, modules, probe, file, engine } = fix;
  const common = { name, modules, loading: 'before' as const };
  if (probe === undefined) {
    const update = await workshop.create(name, [await workshop.diff(name, file ?? '')]);
    return { ...common, update };
  }
  const made = await makeFix(workshop, probe);
  const update =
    engine === undefined
      ? made.update
      : await workshop.create(`${probe}-${engine}`, [made.patch], { engine });
  return { ...common, update, probe: { program: made.probe, user: FIXES[probe].user } };
}
