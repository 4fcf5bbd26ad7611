// What all commands have in common: --json, an example under --help, and one way to run.

import { Command, InvalidArgumentError } from '@commander-js/extra-typings';

/** A command with the common options; `examples` are whole command lines, shown under --help. */
export function newCommand(name: string, summary: string, examples: readonly string[]) {
  const lines = examples.map((example) => `  ${example}`).join('\n');
  return new Command(name)
    .description(summary)
    .option(
      '--json',
      'print the result as JSON on standard output, and progress as JSON lines on standard error',
    )
    .addHelpText('after', `\n${examples.length === 1 ? 'Example' : 'Examples'}:\n${lines}`);
}

/** For an option that may be repeated: `.option('--on <file>', '…', collect)`. */
export function collect(value: string, previous: readonly string[] | undefined): readonly string[] {
  return [...(previous ?? []), value];
}

/** For an option that is a number above 0. */
export function parsePositive(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value) && value > 0) return value;
  throw new InvalidArgumentError('Expected a whole number above 0.');
}
