// Runs the machine's own tools. One place turns "not installed" and "failed" into errors with the tool's own words, and
// keeps the environment fixed: messages in English, no MAKEFLAGS, CFLAGS or ARCH of the caller that would change a build.

import { EnvironmentError } from '@resplice/report';
import { ExecaError, execa } from 'execa';
import { duringTool } from './tool-clock.js';

export interface CommandOptions {
  readonly directory?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
  /** Exit statuses that are answers, not failures; 0 when left out. */
  readonly statuses?: readonly number[];
  /** Of what it prints; UTF-8 when left out. */
  readonly encoding?: 'utf8' | 'latin1';
}

export interface CommandResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const MAX_QUOTED = 2000;

/** The environment of every tool: what it needs to find programs and files, nothing that changes its output. */
export function toolEnvironment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const kept: Record<string, string> = {
    LC_ALL: 'C',
    PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin',
  };
  for (const name of ['HOME', 'TMPDIR', 'USER', 'http_proxy', 'https_proxy', 'no_proxy']) {
    const value = process.env[name];
    if (value !== undefined) kept[name] = value;
  }
  return { ...kept, ...extra };
}

/**
 * Runs `tool` and returns what it printed.
 * @throws EnvironmentError `tool-missing` when it is not installed, `tool-failed` with its last words when it fails.
 */
export async function runCommand(
  tool: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  try {
    const result = await duringTool(async () =>
      execa(tool, args, {
        ...(options.directory === undefined ? {} : { cwd: options.directory }),
        ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
        env: toolEnvironment(options.environment),
        extendEnv: false,
        stdin: 'ignore',
        maxBuffer: 512 * 1024 * 1024,
        stripFinalNewline: false,
        encoding: options.encoding ?? 'utf8',
      }),
    );
    return { status: 0, stdout: result.stdout, stderr: result.stderr };
  } catch (error) {
    if (!(error instanceof ExecaError)) throw error;
    const status = error.exitCode;
    if (status !== undefined && options.statuses?.includes(status) === true) {
      return { status, stdout: String(error.stdout ?? ''), stderr: String(error.stderr ?? '') };
    }
    throw commandError(tool, error);
  }
}

/** The last `limit` characters, cut at a line. */
export function lastWords(text: string, limit = MAX_QUOTED): string {
  const trimmed = text.trim();
  if (trimmed.length <= limit) return trimmed;
  const tail = trimmed.slice(-limit);
  return `…${tail.slice(tail.indexOf('\n'))}`;
}

function commandError(tool: string, error: ExecaError): Error {
  if (error.isCanceled) return new EnvironmentError('cancelled', `${tool} was cancelled`, { cause: error });
  if (error.code === 'ENOENT') {
    return new EnvironmentError(
      'tool-missing',
      `${tool} is not installed; \`resplice doctor\` names the package`,
      {
        context: { tool },
        cause: error,
      },
    );
  }
  const how = error.signal === undefined ? `exit status ${error.exitCode ?? '?'}` : `signal ${error.signal}`;
  const words = lastWords(String(error.stderr ?? '') || String(error.stdout ?? ''));
  return new EnvironmentError('tool-failed', `${tool} failed (${how}): ${words}`, {
    context: { tool, command: error.escapedCommand.slice(0, MAX_QUOTED) },
    cause: error,
  });
}
