// The command inside of a guest: where it lies there, how it is run, and how a step's end is told.

import type { StepResult } from '@resplice/vm';

export const FOLDER = '/resplice';
export const COMMAND = `${FOLDER}/resplice.cjs`;
/**
 * Keeps node from compiling WebAssembly (the disassembler) a second time while it runs: under software emulation, about one in a
 * hundred such runs died of an invalid instruction.
 */
export const WASM_ONCE = '--liftoff-only';
/** What the command calls besides kmod, which every guest has. */
export const FLOCK = '/usr/bin/flock';

export function describeEnd(step: StepResult): string {
  if (step.timedOut) return 'took too long and was ended';
  if (step.signal !== null) return `ended by ${step.signal}`;
  return step.exitCode === null ? 'cut short' : `exit status ${step.exitCode}`;
}

export function outputOf(step: StepResult): readonly string[] {
  const text = `${step.stdout}${step.stderr}`.trim();
  return text === '' ? [] : text.split('\n');
}
