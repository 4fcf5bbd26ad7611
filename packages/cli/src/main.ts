// Entry point of the command.

import { runCommand } from './run-command.js';
import { ignoreClosedPipes } from './session.js';

ignoreClosedPipes();
void runCommand(process.argv.slice(2));
