// The commands of the package for machines, as data, asked from the program itself: so that manual page and completion cannot differ from it.

import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
globalThis.RESPLICE_EDITION = 'machine';
const { buildProgram } = await import(pathToFileURL(join(root, 'packages/cli/dist/src/program.js')).href);

function describe(command, path) {
  const name = [...path, command.name()];
  if (command.commands.length > 0) return command.commands.flatMap((child) => describe(child, name));
  const help = command.createHelp();
  return [
    {
      name: name.join(' '),
      summary: command.description(),
      arguments: command.registeredArguments.map((each) => ({
        term: help.argumentTerm(each),
        text: each.description,
      })),
      usage: command.usage(),
      options: command.options.map((option) => ({
        flags: option.flags,
        long: option.long,
        short: option.short,
        text: option.description,
      })),
    },
  ];
}

const program = await buildProgram([]);
const version = program.version();
console.log(JSON.stringify({ version, commands: program.commands.flatMap((each) => describe(each, [])) }));
