// Runs a number of cycles in one guest. The kernel there stops at the first warning, hung task or oops.

import { join } from 'node:path';
import { findKernelComplaints, type GuestEvent, runGuest } from '@resplice/vm';
import { bundleGuestProgram } from '../guest-program.js';
import { BUNDLE, ROOT } from '../resplice-command.js';
import type { EngineName, MadeUpdate, Workshop } from '../workshop.js';
import { LOAD, MODULE, SOAK_PLAN, type SoakCount, type SoakPlan } from './plan.js';

export interface SoakOptions {
  /** Of the updates, each set with the engine's name. */
  readonly sets: Readonly<Record<string, readonly MadeUpdate[]>>;
  readonly cycles: number;
  readonly seed: number;
  readonly onCycle?: (text: string) => void;
}

/** A module that stays loaded has 16 KiB at least; slabs move by themselves. */
const MOST_GROWTH = { vmalloc: 256 * 1024, percpu: 64 * 1024, slab: 4 * 1024 * 1024 } as const;
const SECONDS_OF_A_CYCLE = 120;
const STRICT = [
  'panic_on_warn=1',
  'softlockup_panic=1',
  'sysctl.kernel.hung_task_panic=1',
  'sysctl.kernel.hung_task_timeout_secs=240',
].join(' ');

/** Updates of the fixes that a soak applies, with that engine. */
export async function makeSet(workshop: Workshop, engine: EngineName): Promise<readonly MadeUpdate[]> {
  const made: MadeUpdate[] = [];
  for (const path of ['net/core/sock.c', 'net/ipv4/raw.c']) {
    const name = `soak-${engine}-${path.replaceAll('/', '-')}`;
    made.push(await workshop.create(name, [await workshop.diff(name, path)], { engine }));
  }
  return made;
}

/** Throws when the guest did not get through, or has something to complain about. */
export async function runSoak(workshop: Workshop, options: SoakOptions): Promise<SoakCount> {
  const kernel = await workshop.fetch();
  const updates = Object.entries(options.sets);
  const inGuest = (engine: string, { id }: MadeUpdate) => `/soak/${engine}-${id}.splice`;
  const plan: SoakPlan = {
    sets: Object.fromEntries(
      updates.map(([engine, set]) => [
        engine,
        set.map((each) => ({ id: each.id, file: inGuest(engine, each) })),
      ]),
    ),
    cycles: options.cycles,
    seed: options.seed,
    command: ['node', '--liftoff-only', '/soak/resplice.cjs'],
    resident: ['node', '--liftoff-only', '/soak/tool.cjs'],
  };
  const timeoutSeconds = 600 + SECONDS_OF_A_CYCLE * options.cycles * updates.length;
  const result = await runGuest({
    vmlinuz: kernel.vmlinuz,
    modules: { directory: kernel.modules, names: [MODULE] },
    withNode: true,
    commandLine: STRICT,
    timeoutSeconds,
    files: [
      { path: '/soak/resplice.cjs', source: { file: BUNDLE } },
      { path: '/usr/bin/flock', source: { file: '/usr/bin/flock' } },
      { path: SOAK_PLAN, source: { bytes: new TextEncoder().encode(JSON.stringify(plan)) } },
      {
        path: LOAD,
        source: { file: await workshop.compile(join(ROOT, 'e2e/src/soak/load.c')) },
        mode: 0o755,
      },
      { path: '/soak/soak.cjs', source: { bytes: await bundleGuestProgram('soak/soak-guest.js') } },
      { path: '/soak/tool.cjs', source: { bytes: await bundleGuestProgram('soak/tool-guest.js') } },
      ...updates.flatMap(([engine, set]) =>
        set.map((each) => ({ path: inGuest(engine, each), source: { file: each.file } })),
      ),
    ],
    steps: [
      { name: 'loopback', argv: ['ip', 'link', 'set', 'lo', 'up'] },
      { name: 'soak', argv: ['node', '/soak/soak.cjs'], timeoutSeconds },
    ],
    onEvent: (event) => tell(event, options.onCycle),
  });
  const soak = result.steps.find(({ name }) => name === 'soak');
  if (result.outcome !== 'completed' || soak?.exitCode !== 0)
    throw new Error(
      `the soak did not end well: ${result.outcome} ${result.explanation}\n${soak?.stdout}${soak?.stderr}${result.console.slice(-4000)}`,
    );
  const complaints = findKernelComplaints(result.kernelLog);
  if (complaints.length > 0) throw new Error(`the kernel complains: ${JSON.stringify(complaints)}`);
  return JSON.parse(soak.stdout) as SoakCount;
}

/** What grew more than it may. */
export function findLeaks({ growth }: SoakCount): readonly string[] {
  return (['vmalloc', 'percpu', 'slab'] as const)
    .filter((what) => growth[what] > MOST_GROWTH[what])
    .map((what) => `${what} grew by ${growth[what]} bytes`);
}

function tell(event: GuestEvent, onCycle: ((text: string) => void) | undefined): void {
  if (event.type !== 'console') return;
  const [, text] = /soak: (.*)$/.exec(event.line) ?? [];
  if (text !== undefined) onCycle?.(text);
}
