// How long do all CPUs stand still? In a guest: switches an update on and off by requests to the core, with few and with many sleeping
// threads, and stops the machine for nothing as often (scripts/bench/switch/empty-stop.c). Prints all lengths in nanoseconds.

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { ByteReader } from '@resplice/engine/bytes';
import { CORE_REPLY } from '@resplice/engine/trampoline';
import { findSites, loadModule } from './guest-kernel.js';
import { encodeRaw, type RawRequest } from './raw-request.js';
import { CORE_FILE, SPEC, type Spec, UPDATE_FILE } from './spec.js';

export interface PauseMeasurement {
  readonly sleepers: number;
  /** Of the whole machine, from the call of all CPUs to their release. */
  readonly empty: readonly number[];
  readonly apply: readonly number[];
  readonly undo: readonly number[];
  /** What the working CPU did in it. */
  readonly work: readonly number[];
  /** Looking at all stacks, before. */
  readonly before: readonly number[];
  /** Stacks looked at before, and again inside the last stop. */
  readonly judged: readonly [number, number];
}

const ROUNDS = 40;
const EMPTY = '/sys/module/empty_stop/parameters/nanoseconds';
const RUNNING = 1;

const spec = JSON.parse(readFileSync(SPEC, 'utf8')) as Spec;
loadModule(CORE_FILE, spec.trampoline.core.imports);
loadModule(UPDATE_FILE, spec.trampoline.imports);
const sites = findSites(spec);
const measurements: PauseMeasurement[] = [];
void measureAll();

async function measureAll(): Promise<void> {
  for (const count of [100, 10_000]) {
    const threads = await startSleepers(count);
    measurements.push(measure(count));
    await endSleepers(threads);
  }
  console.log(JSON.stringify(measurements));
}

function startSleepers(count: number): Promise<ChildProcess> {
  const child = spawn('/core/sleepers', [String(count)], { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    child.stdout?.once('data', () => resolve(child));
    child.once('exit', () => reject(new Error(`${count} threads cannot be started`)));
  });
}

function endSleepers(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.removeAllListeners('exit');
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

function measure(sleepers: number): PauseMeasurement {
  const lengths = () => [] as number[];
  const [empty, apply, undo, work, before] = [lengths(), lengths(), lengths(), lengths(), lengths()];
  let judged: readonly [number, number] = [0, 0];
  for (let round = 0; round < ROUNDS; round++) {
    empty.push(Number(readFileSync(EMPTY, 'utf8')));
    ask({ type: 'PREPARE', name: spec.module, sites });
    const applied = ask({ type: 'APPLY', name: spec.module });
    apply.push(Number(applied.stop_ns));
    work.push(Number(applied.pause_ns));
    before.push(Number(applied.prepare_ns));
    judged = [applied.judged, applied.judged_again];
    undo.push(Number(ask({ type: 'UNDO', name: spec.module }).stop_ns));
    ask({ type: 'FORGET', name: spec.module });
  }
  return { sleepers, empty, apply, undo, work, before, judged };
}

function ask(request: RawRequest): ReturnType<typeof CORE_REPLY.read> {
  const file = openSync('/dev/resplice', 'r+');
  try {
    writeSync(file, encodeRaw(request));
    const buffer = Buffer.alloc(1 << 16);
    for (;;) {
      readSync(file, buffer, 0, buffer.length, 0);
      const reply = CORE_REPLY.read(new ByteReader(buffer, { file: 'reply' }));
      if (reply.code === 0) return reply;
      if (reply.code !== RUNNING) throw new Error(`${request.type} was answered ${reply.code}`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    }
  } finally {
    closeSync(file);
  }
}
