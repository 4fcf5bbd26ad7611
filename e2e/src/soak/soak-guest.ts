// The program that runs a soak in a guest. One of eight commands is killed at a random moment; the next one must then bring the kernel
// to where the killed one was going. Most commands are given to a process that stays, some as a user gives them. Prints a SoakCount; each cycle is
// told to the kernel log, where the host sees it at once.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { LOAD, MODULE, SOAK_PLAN, type SoakCount, type SoakPlan } from './plan.js';
import { type Answer, ResidentTool, runCommand } from './tool.js';

const KILLED_OF = 8;
/** One of so many commands is a process of its own. */
const ALONE_OF = 16;
const MOST_TRIES = 10;

const plan = JSON.parse(readFileSync(SOAK_PLAN, 'utf8')) as SoakPlan;
const tool = new ResidentTool(plan.resident);
let state = plan.seed >>> 0;
const NOTHING = { cycles: 0, commands: 0, kills: 0, busy: 0 };
let count = { ...NOTHING };
/** How long the last command of each kind took, so that a kill falls into it. */
const lasted = new Map<string, number>();

void main();

async function main(): Promise<void> {
  // The first cycle fills caches that stay: slabs of the module loader, of the load, records of the command.
  await runCycles(1);
  count = { ...NOTHING };
  const before = readMemory();
  await runCycles(plan.cycles);
  const after = readMemory();
  const growth = {
    vmalloc: after.vmalloc - before.vmalloc,
    percpu: after.percpu - before.percpu,
    slab: after.slab - before.slab,
  };
  console.log(JSON.stringify({ ...count, growth } satisfies SoakCount));
}

/** When it is over, nothing of ours runs. */
async function runCycles(cycles: number): Promise<void> {
  const start = Date.now();
  const load = startLoad();
  while (count.cycles < cycles) {
    await cycle();
    count.cycles += 1;
    const seconds = Math.round((Date.now() - start) / 1000);
    note(`cycle ${count.cycles} of ${cycles}, ${count.kills} kills, ${seconds} s`);
  }
  await endLoad(load);
  await tool.end();
}

async function cycle(): Promise<void> {
  for (const updates of Object.values(plan.sets)) {
    for (const { file } of updates) await reach(['apply', file]);
    for (const { id } of updates.toReversed()) await reach(['undo', id]);
    const left = readFileSync('/proc/modules', 'utf8').match(/^resplice_(?!core )\S+/gm) ?? [];
    if (left.length > 0) throw new Error(`after a cycle the kernel still has ${left.join(' ')}`);
  }
}

/** Gives the command until it has succeeded. */
async function reach(args: readonly string[]): Promise<void> {
  const alone = random(ALONE_OF) === 0;
  const kind = `${args[0]} ${args[1]} ${alone}`;
  if (random(KILLED_OF) === 0) {
    count.kills += 1;
    await give(args, alone, random(lasted.get(kind) ?? 1000));
  }
  for (let tries = 1; ; tries++) {
    const start = Date.now();
    const answer = await give(args, alone, undefined);
    lasted.set(kind, Date.now() - start);
    if (answer?.status === 0) return;
    const isBusy = /"((undo-)?tasks-busy|transition-running|reversal-busy|another-command-runs)"/.test(
      answer?.output ?? '',
    );
    if (!isBusy || tries === MOST_TRIES)
      throw new Error(`${args.join(' ')} ended with status ${answer?.status}: ${answer?.output}`);
    count.busy += 1;
  }
}

function give(args: readonly string[], alone: boolean, killAfter: number | undefined): Promise<Answer> {
  count.commands += 1;
  return alone ? runCommand([...plan.command, ...args, '--json'], killAfter) : tool.run(args, killAfter);
}

function startLoad(): readonly ChildProcess[] {
  const modules = `while :; do modprobe ${MODULE} && rmmod ${MODULE} || exit 1; sleep 0.5; done`;
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
