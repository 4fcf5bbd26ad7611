// Runs kmod's tools. A clean environment, because this runs as root; a process group of its own, so that Ctrl-C reaches us and
// not a module that is half loaded.

import { spawn } from 'node:child_process';
import type { Writable } from 'node:stream';
import { EnvironmentError } from '@resplice/report';
import type { CommandResult } from './machine.js';

export const CLEAN_ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' } as const;

const MAX_OUTPUT = 64 * 1024;

/** The command inherits `keeper`, so that the lock outlives us for as long as it runs. Throws EnvironmentError `command-missing`. */
export function runCommand(
  command: 'insmod' | 'rmmod',
  argument: string,
  keeper: Writable | undefined,
): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [argument], {
      stdio: ['ignore', 'pipe', 'pipe', keeper ?? 'ignore'],
      detached: true,
      env: CLEAN_ENVIRONMENT,
    });
    let output = '';
    const collect = (chunk: Buffer) => {
      if (output.length < MAX_OUTPUT) output += chunk.toString();
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    child.on('error', (cause) => {
      const message = `${command} cannot be run (${cause.message}); install it with \`apt install kmod\``;
      reject(new EnvironmentError('command-missing', message, { context: { command }, cause }));
    });
    child.on('close', (status) => resolve({ status: status ?? -1, output }));
  });
}
