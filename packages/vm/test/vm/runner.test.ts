// What a guest's QEMU does when its runner dies or when there are too many of them.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const RUNNER = fileURLToPath(new URL('./endless-guest.js', import.meta.url));

let cache: string;

before(async () => {
  cache = await mkdtemp(join(tmpdir(), 'resplice-runner-'));
});
after(() => rm(cache, { recursive: true, force: true }));

/** A runner with a slot of its own, so that other tests at the same time do not matter. */
function startRunner(): ChildProcess {
  const env = { ...process.env, XDG_CACHE_HOME: cache, RESPLICE_VM_SLOTS: '1', RESPLICE_ACCEL: 'tcg' };
  return spawn(process.execPath, [RUNNER], { env, stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Leaves the stream open: a runner that cannot write any more would end for that reason. */
function awaitOutput(runner: ChildProcess, wanted: RegExp): Promise<RegExpExecArray> {
  let text = '';
  return new Promise((resolve, reject) => {
    runner.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const match = wanted.exec(text);
      if (match !== null) resolve(match);
    });
    runner.once('exit', () =>
      reject(new Error(`the runner ended before it said ${wanted}; it said: ${text}`)),
    );
  });
}

async function killRunner(runner: ChildProcess): Promise<void> {
  if (runner.exitCode !== null || runner.signalCode !== null) return;
  const gone = once(runner, 'exit');
  runner.kill('SIGKILL');
  await gone;
}

/** Gone, or a zombie that nobody has reaped: where process 1 does not reap, a dead orphan stays listed. */
async function isDead(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return status === '' || / Z /.test(status.slice(status.lastIndexOf(')')));
}

test('QEMU ends when its runner gets SIGKILL, and its slot is free for a waiting runner', {
  timeout: 120_000,
}, async () => {
  const first = startRunner();
  const second: ChildProcess[] = [];
  try {
    const pid = Number((await awaitOutput(first, /started (\d+)\n/))[1]);
    assert.match(await readFile(`/proc/${pid}/cmdline`, 'utf8'), /qemu-system/);
    const waiting = startRunner();
    second.push(waiting);
    await awaitOutput(waiting, /waiting\n/);
    assert.equal(await isDead(pid), false);
    const started = awaitOutput(waiting, /started (\d+)\n/);
    await killRunner(first);
    while (!(await isDead(pid))) await sleep(20);
    const nextPid = Number((await started)[1]);
    await killRunner(waiting);
    while (!(await isDead(nextPid))) await sleep(20);
  } finally {
    for (const runner of [first, ...second]) await killRunner(runner);
  }
});
