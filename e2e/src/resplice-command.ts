// The real command, as a user would start it, with --json.

import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the checkout: this file is compiled to e2e/dist/src/. */
export const ROOT = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));
/** The whole command in one file, as it runs in guests. */
export const BUNDLE = join(ROOT, 'packages/cli/dist/resplice.cjs');
export const COMMAND = join(ROOT, 'packages/cli/bin/resplice.mjs');

/** What a command said with --json: the parts that the tests look at. */
export interface Answer {
  readonly status: number | null;
  readonly ok: boolean;
  readonly reasons: readonly Reason[];
  readonly error: { readonly code: string; readonly message: string } | undefined;
  /** Everything it said, for what is special to one command. */
  readonly json: Readonly<Record<string, unknown>>;
  /** As it was printed; for messages of failed tests. */
  readonly text: string;
}

export interface Reason {
  readonly code: string;
  readonly subject: Readonly<Record<string, unknown>>;
  readonly found: string;
  readonly evidence?: readonly string[];
  readonly advice?: string;
}

/** Runs the command to its end. Never rejects for what it answers. */
export async function resplice(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const { status, stdout, stderr } = await run(process.execPath, [COMMAND, ...args, '--json'], environment);
  return parseAnswer(status, stdout, stderr);
}

/** Throws when the output is not what --json promises: one JSON object with `ok`. */
export function parseAnswer(status: number | null, stdout: string, stderr: string): Answer {
  const text = `${stdout}${stderr}`;
  const json = parseJson(stdout, `exit status ${status}: ${text}`);
  return {
    status,
    ok: json.ok === true,
    reasons: (json.reasons ?? []) as readonly Reason[],
    error: json.error as Answer['error'],
    json,
    text,
  };
}

function parseJson(stdout: string, text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(stdout) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new Error(`the command did not answer in JSON: ${text}`, { cause });
  }
}

export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end. */
export function run(
  program: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Run> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...environment },
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', reject);
    child.on('close', (status) =>
      resolve({
        status,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      }),
    );
  });
}
