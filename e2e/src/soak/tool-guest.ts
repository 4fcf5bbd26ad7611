// The command as a process that stays, for a guest: in an emulated one node takes several times longer to start than a command to do its work, and most
// kills would then fall into that start. One command line as JSON on a line of standard input, its answer as JSON on a line of standard output. What
// it does is what packages/cli does for `apply FILE` and `undo ID`; in between it holds nothing: no lock, no open file, no state.

import { createInterface } from 'node:readline';
import { applyUpdate, openMachine, undoUpdate } from '@resplice/host';
import { RespliceError } from '@resplice/report';
import { encodeUpdate, readUpdate } from '@resplice/update';
import type { ToolAnswer } from './plan.js';

void main();

async function main(): Promise<void> {
  for await (const line of createInterface({ input: process.stdin })) {
    const answer = await run(JSON.parse(line) as readonly string[]);
    process.stdout.write(`${JSON.stringify(answer)}\n`);
  }
}

async function run([command, argument = '']: readonly string[]): Promise<ToolAnswer> {
  try {
    const verdict = command === 'apply' ? await apply(argument) : await undoUpdate(openMachine(), argument);
    return verdict.ok ? { status: 0, output: '' } : { status: 1, output: JSON.stringify(verdict.reasons) };
  } catch (error) {
    if (!(error instanceof RespliceError)) throw error;
    return { status: error.exitStatus, output: JSON.stringify({ code: error.code, message: error.message }) };
  }
}

async function apply(file: string) {
  const update = await readUpdate(file);
  const { manifest, files } = update;
  return applyUpdate(openMachine(), {
    manifest,
    module: files.get(manifest.module.file) ?? new Uint8Array(),
    core: files.get(manifest.trampoline?.core.file ?? ''),
    archive: encodeUpdate(update),
  });
}
