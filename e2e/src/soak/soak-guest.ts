// The program that runs a soak in a guest. A quarter of the commands are killed at a random moment; the next one must then bring the kernel
// to where the killed one was going. Prints a SoakCount; each cycle is told to the kernel log, where the host sees it at once.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { LOAD, MODULE, SOAK_PLAN, type SoakCount, type SoakPlan } from './plan.js';

interface Ended {
  readonly status: number | null;
  readonly output: string;
  readonly milliseconds: number;
}

const KILLED_OF = 4;
const MOST_TRIES = 10;

const plan = JSON.parse(readFileSync(SOAK_PLAN, 'utf8')) as SoakPlan;
let state = plan.seed >>> 0;
const count = { cycles: 0, commands: 0, kills: 0, busy: 0 };
/** How long the last command of each kind took, so that a kill falls into it. */
const lasted = new Map<string, number>();

void main();

async function main(): Promise<void> {
  // The first cycle fills caches that stay: slabs of the module loader, records of the command.
  await cycle(false);
  const before = readMemory();
  const load = startLoad();
  for (let done = 0; done < plan.cycles; done++) {
    await cycle(true);
    count.cycles += 1;
    note(`cycle ${done + 1} of ${plan.cycles}, ${count.kills} kills`);
  }
  await endLoad(load);
  const after = readMemory();
  const growth = {
    vmalloc: after.vmalloc - before.vmalloc,
    percpu: after.percpu - before.percpu,
    slab: after.slab - before.slab,
  };
  console.log(JSON.stringify({ ...count, growth } satisfies SoakCount));
}

async function cycle(withKills: boolean): Promise<void> {
  for (const updates of Object.values(plan.sets)) {
    for (const { file } of updates) await reach(['apply', file], withKills);
    for (const { id } of updates.toReversed()) await reach(['undo', id], withKills);
    const left = readFileSync('/proc/modules', 'utf8').match(/^resplice_(?!core )\S+/gm) ?? [];
    if (left.length > 0) throw new Error(`after a cycle the kernel still has ${left.join(' ')}`);
  }
}

/** Gives the command until it has succeeded. */
async function reach(args: readonly string[], withKills: boolean): Promise<void> {
  const kind = `${args[0]} ${args[1]}`;
  if (withKills && random(KILLED_OF) === 0) {
    count.kills += 1;
    await run(args, random(lasted.get(kind) ?? 1000));
  }
  for (let tries = 1; ; tries++) {
    const ended = await run(args, undefined);
    lasted.set(kind, ended.milliseconds);
    if (ended.status === 0) return;
    const isBusy = /"((undo-)?tasks-busy|transition-running|reversal-busy|another-command-runs)"/.test(
      ended.output,
    );
    if (!isBusy || tries === MOST_TRIES)
      throw new Error(`${args.join(' ')} ended with status ${ended.status}: ${ended.output}`);
    count.busy += 1;
  }
}

function run(args: readonly string[], killAfter: number | undefined): Promise<Ended> {
  const [program = '', ...first] = plan.command;
  const start = Date.now();
  const child = spawn(program, [...first, ...args, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  count.commands += 1;
  const timer = killAfter === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), killAfter);
  return new Promise((resolve) => {
    child.once('close', (status) => {
      clearTimeout(timer);
      resolve({ status, output, milliseconds: Date.now() - start });
    });
  });
}

function startLoad(): readonly ChildProcess[] {
  const modules = `while :; do modprobe ${MODULE} && rmmod ${MODULE} || exit 1; sleep 0.2; done`;
  return [spawn(LOAD, { stdio: 'inherit' }), spawn('sh', ['-c', modules], { stdio: 'inherit' })];
}

async function endLoad(load: readonly ChildProcess[]): Promise<void> {
  for (const child of load) {
    if (child.exitCode !== null) throw new Error(`the load ended by itself with status ${child.exitCode}`);
    await new Promise((resolve) => {
      child.once('exit', resolve);
      child.kill('SIGKILL');
    });
  }
  // Killed in between, the loop may leave it loaded.
  spawnSync('modprobe', ['-r', MODULE]);
}

/** Bytes, after everything that can be dropped was dropped. */
function readMemory(): { readonly vmalloc: number; readonly percpu: number; readonly slab: number } {
  for (let times = 0; times < 3; times++) {
    writeFileSync('/proc/sys/vm/drop_caches', '3');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1000);
  }
  const text = readFileSync('/proc/meminfo', 'utf8');
  const read = (name: string) => 1024 * Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1]);
  return { vmalloc: read('VmallocUsed'), percpu: read('Percpu'), slab: read('SUnreclaim') };
}

function note(text: string): void {
  writeFileSync('/dev/kmsg', `soak: ${text}\n`);
}

/** A linear congruential generator (Numerical Recipes). */
function random(below: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}
