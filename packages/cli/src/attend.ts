// A process that stays and runs the command lines that others ask of it, one after the other. For guests: in an emulated one node takes several
// times longer to start than a command to do its work. Each runs as it does alone, parsing included; in between nothing is held.
//
// Who asks writes "PID JSON" on a line of FOLDER/ask, a FIFO: his process, whose standard output and error the command gets, and the
// arguments. The exit status comes back on a line of FOLDER/answer. FOLDER/attendant has the process id of this one.

import { closeSync, createReadStream, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { UsageError } from '@resplice/report';
import { runCommand } from './run-command.js';

type Write = typeof process.stdout.write;

/** `resplice attend FOLDER`: for programs and not for people, so no --help has it. `folder` has the FIFOs ask and answer. */
export async function attend(folder: string): Promise<void> {
  // Open for both, a FIFO does not end when one who asked goes away.
  const answers = openSync(join(folder, 'answer'), 'r+');
  const asked = createReadStream(join(folder, 'ask'), { flags: 'r+' });
  writeFileSync(join(folder, 'attendant'), `${process.pid}\n`);
  for await (const line of createInterface({ input: asked })) writeSync(answers, `${await answer(line)}\n`);
}

async function answer(line: string): Promise<number> {
  const [, pid, json = ''] = /^(\d+) (.*)$/.exec(line) ?? [];
  if (pid === undefined) throw new UsageError('usage', `attend was asked "${line}"; write "PID JSON"`);
  const giveBack = [
    redirect(process.stdout, `/proc/${pid}/fd/1`),
    redirect(process.stderr, `/proc/${pid}/fd/2`),
  ];
  process.exitCode = 0;
  try {
    await runCommand(JSON.parse(json) as readonly string[]);
    return process.exitCode;
  } finally {
    process.exitCode = 0;
    for (const each of giveBack) each();
  }
}

/** What is written to the stream goes to the file until the function that comes back is called. */
function redirect(stream: NodeJS.WriteStream, file: string): () => void {
  const descriptor = openSync(file, 'a');
  const { write } = stream;
  stream.write = ((chunk: string | Uint8Array) => {
    if (typeof chunk === 'string') writeSync(descriptor, chunk);
    else writeSync(descriptor, chunk);
    return true;
  }) as Write;
  return () => {
    stream.write = write;
    closeSync(descriptor);
  };
}
