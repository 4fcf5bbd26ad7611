// The commands and what they have in common. One file per command under commands/: parse, call one library function, print.

import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { applyCommand } from './commands/apply.js';
import { createCommand } from './commands/create.js';
import { doctorCommand } from './commands/doctor.js';
import { inspectCommand } from './commands/inspect.js';
import { kernelDiffCommand } from './commands/kernel-diff.js';
import { kernelFetchCommand } from './commands/kernel-fetch.js';
import { kernelListCommand } from './commands/kernel-list.js';
import { listCommand } from './commands/list.js';
import { showCommand } from './commands/show.js';
import { tryCommand } from './commands/try.js';
import { undoCommand } from './commands/undo.js';
import { VERSION } from './version.js';

const EXAMPLE = `
Example:
  resplice kernel diff 6.1.170-3 6.1.176-1 net/core/sock.c -o fix.patch
  resplice create --kernel 6.1.0-47-amd64 --patch fix.patch -o fix.splice
  resplice try fix.splice --probe ./probe
  sudo resplice apply fix.splice

Exit status: 0 done, 1 refused or not as expected, 2 usage, 3 bad input, 4 damaged or not to be trusted,
5 something is missing on this machine, 70 a bug in resplice, 128+N ended by signal N`;

/** All commands; usage errors are thrown as commander's CommanderError and not printed. */
export function buildProgram(): Command {
  const kernel = new Command('kernel')
    .description('find, fetch and compare the kernels of the distribution')
    .addCommand(kernelFetchCommand())
    .addCommand(kernelListCommand())
    .addCommand(kernelDiffCommand());
  const program: Command = new Command('resplice')
    .description('turns a source patch into an update of the running Debian kernel, without a reboot')
    .version(VERSION, '--version', 'print the version')
    .helpCommand(false)
    .addHelpText('after', EXAMPLE)
    .addCommand(kernel)
    .addCommand(createCommand())
    .addCommand(inspectCommand())
    .addCommand(tryCommand())
    .addCommand(applyCommand())
    .addCommand(undoCommand())
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(doctorCommand());
  throwInsteadOfExiting(program);
  return program;
}

function throwInsteadOfExiting(command: CommandUnknownOpts): void {
  command.exitOverride();
  command.configureOutput({ writeErr: () => {} });
  for (const child of command.commands) throwInsteadOfExiting(child);
}
