// The command inside of a guest: where it lies there, how it is run, and how a step's end is told.

import type { GuestFile, GuestStep, StepResult } from '@resplice/vm';

export const FOLDER = '/resplice';
export const COMMAND = `${FOLDER}/resplice.cjs`;
/**
 * Keeps node from compiling WebAssembly (the disassembler) a second time while it runs: under software emulation, about one in a
 * hundred such runs died of an invalid instruction.
 */
export const WASM_ONCE = '--liftoff-only';
/** What the command calls besides kmod, which every guest has. */
export const FLOCK = '/usr/bin/flock';

const ASK = `${FOLDER}/ask.sh`;

/**
 * A shell script that has the attendant of a folder run the command line that is its argument, as JSON. It ends as a process of the command would: with
 * the exit status, or by a signal when the attendant is no more. The end of the file instead of an answer says so; before the attendant begins,
 * opening the FIFO waits. Whoever is killed while he waits leaves `asking` behind: nobody waits then for what is not answered any more.
 */
export function askScript(folder: string): string {
  return `gone() { echo 'the process that runs commands in this guest is gone' >&2; kill -KILL $$; }
mkdir ${folder}/asking 2>/dev/null || gone
[ ! -e ${folder}/attendant ] || [ -d /proc/$(cat ${folder}/attendant) ] || gone
# In a shell of its own: for a moment, a redirected echo has our own standard output as well.
(echo "$$ $1" >${folder}/ask)
read -r status <${folder}/answer || gone
rmdir ${folder}/asking
exit $status
`;
}

/**
 * A process of the command that stays (packages/cli/src/attend.ts), for guests in which many commands run: an emulated guest takes
 * several seconds to start node, and a command less than two to do its work. `bundle`: the command on the host.
 */
export function planAttendant(bundle: string): {
  readonly files: readonly GuestFile[];
  readonly steps: readonly GuestStep[];
} {
  return {
    files: [
      { path: COMMAND, source: { file: bundle } },
      { path: FLOCK, source: { file: FLOCK } },
      { path: ASK, source: { bytes: Buffer.from(askScript(FOLDER)) } },
    ],
    steps: [
      { name: 'make fifos', argv: ['mkfifo', `${FOLDER}/ask`, `${FOLDER}/answer`] },
      {
        name: 'attendant',
        argv: ['node', WASM_ONCE, COMMAND, 'attend', FOLDER],
        background: 'until-end',
        timeoutSeconds: 24 * 3600,
      },
    ],
  };
}

/** A step that has the attendant run a command; its output and exit status are those of the command. */
export function askAttendant(name: string, ...args: readonly string[]): GuestStep {
  return { name, argv: ['sh', ASK, JSON.stringify(args)] };
}

export function describeEnd(step: StepResult): string {
  if (step.timedOut) return 'took too long and was ended';
  if (step.signal !== null) return `ended by ${step.signal}`;
  return step.exitCode === null ? 'cut short' : `exit status ${step.exitCode}`;
}

export function outputOf(step: StepResult): readonly string[] {
  const text = `${step.stdout}${step.stderr}`.trim();
  return text === '' ? [] : text.split('\n');
}
