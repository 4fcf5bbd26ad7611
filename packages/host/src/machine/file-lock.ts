// One command at a time. The lock must vanish with a killed command, which a file with a process id in it does not, and must not
// be takeable by other users, which an abstract socket is. So it is the kernel's own file lock, taken through flock(1) because
// Node has no call for it: flock holds it for `cat`, and cat lives as long as its end of our pipe does.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { EnvironmentError } from '@resplice/report';
import { CLEAN_ENVIRONMENT } from './command.js';
import type { Lock } from './machine.js';

const ATTEMPTS = 10;
const PAUSE = 500;

/** Throws EnvironmentError `another-command-runs` when it stays taken for 5 s, `state-not-writable`, `command-missing`. */
export async function acquireLock(directory: string, holder: string): Promise<Lock> {
  const path = join(directory, 'lock');
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 });
  } catch (cause) {
    throw new EnvironmentError('state-not-writable', `${directory}: cannot be created; run it with sudo`, {
      cause,
    });
  }
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (attempt > 0) await pause(PAUSE);
    const child = await tryLock(path);
    if (child === undefined) continue;
    // In place, for the lock belongs to this very file; only read to tell the next one who holds it.
    writeFileSync(path, `process ${process.pid}: resplice ${holder}\n`);
    return { release: () => release(child) };
  }
  throw new EnvironmentError(
    'another-command-runs',
    `another command is at work on the updates of this machine (${readHolder(path)}); wait for it to end`,
    { context: { file: path } },
  );
}

/** The process that holds the lock; undefined when it is taken. */
async function tryLock(path: string): Promise<ChildProcess | undefined> {
  const child = spawn('flock', ['-n', path, 'cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
    env: CLEAN_ENVIRONMENT,
  });
  // When flock ends without the lock, the pipe breaks under our write; its end is what tells us, not this error.
  child.stdin.on('error', () => {});
  child.stdin.write('locked?\n');
  return await new Promise((resolve, reject) => {
    child.on('error', (cause) => {
      const message = `flock cannot be run (${cause.message}); install it with \`apt install util-linux\``;
      reject(new EnvironmentError('command-missing', message, { cause }));
    });
    child.stdout.once('data', () => resolve(child));
    child.once('close', () => resolve(undefined));
  });
}

async function release(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.stdin?.end();
  await closed;
}

function readHolder(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    // Only a hint for the message.
    return 'unknown process';
  }
}
