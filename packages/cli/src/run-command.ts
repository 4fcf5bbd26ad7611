// One command line, from parsing to the exit status: what commander throws becomes our errors.

import { CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { UsageError } from '@resplice/report';
import { buildProgram } from './program.js';
import { reportFailure } from './session.js';

/** Leaves the exit status in the process, as runSession does. */
export async function runCommand(argv: readonly string[]): Promise<void> {
  const program = await buildProgram(argv);
  if (argv.length === 0) return program.outputHelp();
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return;
    process.exitCode = reportFailure(asUsageError(error, program, argv), argv.includes('--json'));
  }
}

/** `error: unknown option '--frob'` → a UsageError that names the help to read. */
function asUsageError(error: unknown, program: CommandUnknownOpts, argv: readonly string[]): unknown {
  if (!(error instanceof CommanderError)) return error;
  const message = error.message
    .replace(/^error: /, '')
    .replace(/\n/g, ' ')
    .replace(/\.$/, '');
  const what = message === '(outputHelp)' ? 'name a command' : message;
  return new UsageError('usage', `${what}; see "${findCommandName(program, argv)} --help"`, { cause: error });
}

/** The longest beginning of the command line that is a command. */
function findCommandName(command: CommandUnknownOpts, argv: readonly string[]): string {
  const child = command.commands.find((each) => each.name() === argv[0]);
  return child === undefined ? command.name() : `${command.name()} ${findCommandName(child, argv.slice(1))}`;
}
