// One command at a time. The lock must vanish with a killed command, which a file with a process id in it does not, and must not
// be takeable by other users, which an abstract socket is. So it is the kernel's own file lock, taken through flock(1) because
// Node has no call for it: flock holds it for `cat`, and cat lives as long as anybody holds the other end of its pipe. That is
// us and, while it runs, insmod, which inherits it: else a killed command's insmod could load a module behind the next one's back.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { EnvironmentError } from '@resplice/report';
import { CLEAN_ENVIRONMENT } from './command.js';
import type { Lock } from './machine.js';

export interface FileLock extends Lock {
  /** Whoever holds this end of the pipe holds the lock. */
  readonly keeper: Writable;
}

const PAUSE = 250;

type Keeper = ChildProcessByStdio<Writable, Readable, null>;

/** Waits up to `patience` milliseconds. Throws EnvironmentError `another-command-runs`, `state-not-writable`, `command-missing`. */
export async function acquireLock(directory: string, holder: string, patience: number): Promise<FileLock> {
  const path = join(directory, 'lock');
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 });
  } catch (cause) {
    throw new EnvironmentError('state-not-writable', `${directory}: cannot be created; run it with sudo`, {
      cause,
    });
  }
  for (let waited = 0; waited <= patience; waited += PAUSE) {
    if (waited > 0) await pause(PAUSE);
    const child = await tryLock(path);
    if (child === undefined) continue;
    // In place, for the lock belongs to this very file; only read to tell the next one who holds it.
    writeFileSync(path, `process ${process.pid}: resplice ${holder}\n`);
    return { keeper: child.stdin, release: () => release(child) };
  }
  throw new EnvironmentError(
    'another-command-runs',
    `another command is at work on the updates of this machine (${readHolder(path)}); wait for it to end`,
    { context: { file: path } },
  );
}

/** The process that holds the lock; undefined when it is taken. */
async function tryLock(path: string): Promise<Keeper | undefined> {
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

async function release(child: Keeper): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.stdin.end();
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
