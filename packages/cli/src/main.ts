// Entry point of the command.

import { attend } from './attend.js';
import { runCommand } from './run-command.js';
import { ignoreClosedPipes } from './session.js';

ignoreClosedPipes();
const [command, folder, ...rest] = process.argv.slice(2);
if (command === 'attend' && folder !== undefined && rest.length === 0) void attend(folder);
else void runCommand(process.argv.slice(2));
