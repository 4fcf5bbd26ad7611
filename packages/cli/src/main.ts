// Entry point of the command.

import { runCommand } from './run-command.js';
import { ignoreClosedPipes } from './session.js';

ignoreClosedPipes();
const argv = process.argv.slice(2);
const [command, folder, ...rest] = argv;
if (command === 'attend' && folder !== undefined && rest.length === 0)
  void import('./attend.js').then(({ attend }) => attend(folder));
else void runCommand(argv);
