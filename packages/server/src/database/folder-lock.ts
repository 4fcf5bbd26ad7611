// The folder of the embedded database belongs to one process: two that open it at once lose acknowledged rows without an error.
//
// `flock` of util-linux holds the lock for us, because node cannot: it waits for the end of its standard input, which comes when
// this process ends, however that is. A lock of the kernel on the file itself also holds between containers that share the
// folder, which a socket or a process id in a file would not.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { EnvironmentError } from '@resplice/report';

const LOCKED = 75;

export interface FolderLock {
  release(): Promise<void>;
}

/** Throws EnvironmentError `database-in-use`, `flock-missing`. */
export async function lockFolder(folder: string): Promise<FolderLock> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // Detached: Ctrl-C on the terminal must not end the lock before the database is closed.
  const child = spawn(
    'flock',
    ['-w', '3', '-E', `${LOCKED}`, join(folder, 'lock'), 'sh', '-c', 'echo locked; exec cat >/dev/null'],
    { stdio: ['pipe', 'pipe', 'ignore'], detached: true },
  );
  // The lock may be let go of by a child that dies first; writing to it is never needed.
  child.stdin.on('error', () => {});
  const ended = once(child, 'exit').then(([status]) => status as number | null);
  const answer = await Promise.race([once(child.stdout, 'data').then(() => 'locked' as const), ended]).catch(
    (cause: unknown) => {
      const message = 'flock cannot be run; install the package util-linux, then try again';
      throw new EnvironmentError('flock-missing', message, { cause });
    },
  );
  if (answer !== 'locked') throw inUse(folder, answer);
  child.unref();
  return {
    async release() {
      // Else node ends as soon as nothing but this is waited for, and what comes after it, an error for example, is never said.
      child.ref();
      child.stdin.end();
      await ended;
    },
  };
}

function inUse(folder: string, status: number | null): EnvironmentError {
  const found = status === LOCKED ? 'another resplice process uses it' : `flock ended with ${status}`;
  const message = `${folder}: the database cannot be opened: ${found}; stop that process, or set DATABASE_URL to a PostgreSQL that several can use`;
  return new EnvironmentError('database-in-use', message, { context: { folder } });
}
