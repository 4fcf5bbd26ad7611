// Locks between processes that cannot go stale: flock(2) held by a small child whose standard input is a pipe from us. When
// we die, however we die, the kernel closes the pipe, the child ends and the lock is free. Node has no flock of its own;
// rejected: lock files with a pid, which need a rule for dead owners and race while it is applied.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { EnvironmentError } from '@resplice/report';
import { toolEnvironment } from './command.js';

export interface FileLock {
  readonly release: () => Promise<void>;
}

const BUSY = 75;

/** Runs `work` while holding the lock on `file`, which is created when missing; waits for other holders. */
export async function withFileLock<T>(
  file: string,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const lock = await takeLock(file, ['--exclusive'], signal);
  if (lock === undefined) throw new EnvironmentError('lock-failed', `cannot lock ${file}`);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

/** The lock on `file`, or undefined when somebody else has it now. */
export async function tryFileLock(file: string): Promise<FileLock | undefined> {
  return takeLock(file, ['--exclusive', '--nonblock', '--conflict-exit-code', String(BUSY)], undefined);
}

async function takeLock(
  file: string,
  flags: readonly string[],
  signal: AbortSignal | undefined,
): Promise<FileLock | undefined> {
  signal?.throwIfAborted();
  // --no-fork: flock becomes the shell, so that one process alone holds the lock. It says when it has it, then waits for our end.
  const child = spawn(
    'flock',
    [...flags, '--no-fork', file, 'sh', '-c', 'echo locked; exec cat >/dev/null'],
    {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: toolEnvironment(),
      detached: true,
      ...(signal === undefined ? {} : { signal }),
    },
  );
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint += String(chunk);
  });
  const status = await Promise.race([
    once(child.stdout, 'data').then(() => 'locked' as const),
    once(child, 'close').then(([code]) => code as number | null),
  ]);
  if (status === 'locked') return { release: () => endHolder(child) };
  if (status === BUSY) return undefined;
  throw new EnvironmentError(
    'lock-failed',
    `cannot lock ${file}: ${complaint.trim() || `flock ended with ${status}`}`,
    {
      context: { file },
    },
  );
}

async function endHolder(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.stdin?.end();
  await closed;
}
