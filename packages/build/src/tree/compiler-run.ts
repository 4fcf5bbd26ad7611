// Starts compilers directly, with no make and no shell between, each in a process group of its own: cancelling kills gcc together
// with its cc1 and as, and a Ctrl-C at the terminal reaches us alone.

import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { EnvironmentError } from '@resplice/report';
import { toolEnvironment } from '../debian/command.js';
import { duringTool } from '../debian/tool-clock.js';

export interface CompilerRun {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const MAX_STDERR = 64 * 1024;

/** Runs one compiler command in `directory`. @throws when it cannot be started or `signal` aborts it. */
export async function runCompiler(
  directory: string,
  command: readonly string[],
  signal: AbortSignal | undefined,
): Promise<CompilerRun> {
  signal?.throwIfAborted();
  const [program = '', ...args] = command;
  return duringTool(() => start(directory, program, args, signal));
}

function start(
  directory: string,
  program: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<CompilerRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: directory,
      env: toolEnvironment(),
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const out: Buffer[] = [];
    let stderr = '';
    const kill = (): void => {
      if (child.pid === undefined) return;
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // The group has just ended by itself, which is what was wanted.
      }
    };
    signal?.addEventListener('abort', kill, { once: true });
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (stderr.length < MAX_STDERR) stderr += text;
    });
    child.on('error', (cause) => {
      signal?.removeEventListener('abort', kill);
      const message = `cannot start ${program}: ${cause.message}; \`resplice doctor\` names what is missing`;
      reject(new EnvironmentError('compiler-missing', message, { cause }));
    });
    child.on('close', (status) => {
      signal?.removeEventListener('abort', kill);
      if (signal?.aborted === true) reject(signal.reason);
      else resolve({ status, stdout: Buffer.concat(out), stderr });
    });
  });
}

/** Runs `work` over `items` with up to `jobs` at once, results in the order of items. The first failure stops the rest and is thrown. */
export async function mapParallel<T, R>(
  items: readonly T[],
  jobs: number | undefined,
  outer: AbortSignal | undefined,
  work: (item: T, signal: AbortSignal) => Promise<R>,
): Promise<readonly R[]> {
  const stop = new AbortController();
  const signal = outer === undefined ? stop.signal : AbortSignal.any([outer, stop.signal]);
  const results = new Map<number, R>();
  let next = 0;
  let failure: { readonly error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    while (failure === undefined) {
      const at = next++;
      const item = items[at];
      if (item === undefined) return;
      try {
        signal.throwIfAborted();
        results.set(at, await work(item, signal));
      } catch (error) {
        // Later failures are only the echo of stopping.
        failure ??= { error };
        stop.abort();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(jobs ?? availableParallelism(), items.length) }, worker));
  if (failure !== undefined) throw failure.error;
  return items.flatMap((_, at) => (results.has(at) ? [results.get(at) as R] : []));
}
