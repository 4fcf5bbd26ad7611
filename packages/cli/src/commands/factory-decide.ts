// What people decide about a unit for a kernel.

import { readFile } from 'node:fs/promises';
import { CandidateDetail } from '@resplice/protocol/factory';
import { InputError, UsageError } from '@resplice/report';
import { z } from 'zod';
import type { ServerChoice } from '../api-client.js';
import { findCandidate, newFactoryCommand, openFactoryClient } from '../factory-client.js';
import { done } from '../outcome.js';
import { runSession } from '../session.js';
import { writeSkeletonFile } from '../skeleton-file.js';

const Done = z.object({ done: z.literal(true) });

interface Options extends ServerChoice {
  readonly json?: true | undefined;
  readonly kernel?: string | undefined;
}

interface Change {
  readonly method: 'POST' | 'PUT';
  readonly action: string;
  readonly body: unknown;
}

function decide(name: string, options: Options, { method, action, body }: Change): Promise<void> {
  return runSession(options, async ({ signal }) => {
    const client = await openFactoryClient(options, signal);
    const { id, unit } = await findCandidate(client, name, options.kernel);
    await client.send(method, `candidates/${id}/${action}`, body, Done);
    const { state } = await client.get(`candidates/${id}`, CandidateDetail);
    return done({ id, unit, state }, [`${unit}: ${state}`]);
  });
}

function newDecision(name: string, summary: string, example: string) {
  return newFactoryCommand(name, summary, [example])
    .argument('<unit>', 'its name, or the id of the candidate')
    .option('--kernel <release>', 'when several kernels have it');
}

export function factoryApproveCommand() {
  return newDecision(
    'approve',
    'approve what you have looked at',
    'approve ipc-util-9b6854 --sha256 HASH (as "show" prints it)',
  )
    .requiredOption(
      '--sha256 <hash>',
      'of what you have looked at; when it has changed since, nothing is approved',
    )
    .option('--words <text>', 'kept with the approval')
    .action((name, options) => {
      const { sha256, words } = options;
      const body = { sha256, ...(words === undefined ? {} : { words }) };
      return decide(name, options, { method: 'POST', action: 'approve', body });
    });
}

/** Decisions that need a reason. */
function newWordsCommand(action: string, summary: string) {
  return newDecision(action, summary, `${action} ipc-util-9b6854 --words "the lock is not held"`)
    .requiredOption('--words <text>', 'why; everybody can read it')
    .action((name, options) =>
      decide(name, options, { method: 'POST', action, body: { words: options.words } }),
    );
}

export const factorySendBackCommand = () =>
  newWordsCommand('send-back', 'it needs code, or somebody to look again');
export const factoryRefuseCommand = () => newWordsCommand('refuse', 'it is not going to be an update');
export const factoryWithdrawCommand = () =>
  newWordsCommand('withdraw', 'leave it out of the next cumulative update');

export function factoryRetryCommand() {
  return newDecision('retry', 'make it again', 'retry ipc-util-9b6854').action((name, options) =>
    decide(name, options, { method: 'POST', action: 'retry', body: {} }),
  );
}

export function factoryCancelCommand() {
  return newDecision('cancel', 'stop the work on it', 'cancel ipc-util-9b6854').action((name, options) =>
    decide(name, options, { method: 'POST', action: 'cancel', body: {} }),
  );
}

export function factoryCodeCommand() {
  return newDecision(
    'code',
    'push code that a unit needs, as a patch on top of it; it is made again',
    'code fs-eventpoll-bae089 --patch code.patch',
  )
    .option('--patch <file>', 'the code')
    .option('--skeleton <file>', 'write the start of the code into this file instead')
    .option('--remove', 'take the code away')
    .action(async (name, options) => {
      const { patch, skeleton, remove } = options;
      if ([patch, skeleton, remove].filter((each) => each !== undefined).length !== 1)
        return runSession(options, async () => {
          throw new UsageError('one-of-three', 'give one of --patch, --skeleton and --remove');
        });
      if (skeleton !== undefined) return writeSkeleton(name, skeleton, options);
      return pushFile(name, patch, options, { action: 'custom-code', field: 'patch' });
    });
}

export function factoryProbeCommand() {
  return newDecision(
    'probe',
    'push a script that shows the hole (exit status 0: safe, 1: exposed); the unit is tested again',
    'probe ipc-util-9b6854 --script probe.sh',
  )
    .option('--script <file>', 'the script, run by sh in the guest')
    .option('--remove', 'take it away')
    .action((name, options) => pushFile(name, options.script, options, { action: 'probe', field: 'script' }));
}

async function pushFile(
  name: string,
  file: string | undefined,
  options: Options,
  { action, field }: { readonly action: string; readonly field: string },
): Promise<void> {
  let text: string | null = null;
  try {
    if (file !== undefined) text = await readFile(file, 'utf8');
  } catch (cause) {
    return runSession(options, async () => {
      throw new InputError('file-not-readable', `${file}: cannot be read; check the path`, { cause });
    });
  }
  return decide(name, options, { method: 'PUT', action, body: { [field]: text } });
}

function writeSkeleton(name: string, file: string, options: Options): Promise<void> {
  return runSession(options, async ({ signal }) => {
    const client = await openFactoryClient(options, signal);
    const { id } = await findCandidate(client, name, options.kernel);
    const { detail, unit } = await client.get(`candidates/${id}`, CandidateDetail);
    if (detail?.skeleton == null)
      throw new InputError(
        'no-skeleton',
        `${unit}: no code helps, or none is needed; "resplice factory show" says why`,
      );
    const written = await writeSkeletonFile(file, detail.skeleton);
    return done({ file, written: written.written }, [written.line]);
  });
}
