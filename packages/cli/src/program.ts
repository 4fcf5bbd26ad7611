// The commands and what they have in common. One file per command under commands/: parse, call one library function, print.
// Only the command that is asked for is loaded: `list` need not wait for the compiler driver, and in an emulated guest each
// library costs a noticeable time.

import { Command, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { VERSION } from '@resplice/report';

const EXAMPLE = `
Example:
  resplice kernel diff 6.1.170-3 6.1.176-1 net/core/sock.c -o fix.patch
  resplice create --kernel 6.1.0-47-amd64 --patch fix.patch -o fix.splice
  resplice try fix.splice --probe ./probe
  sudo resplice apply fix.splice

Exit status: 0 done, 1 refused or not as expected, 2 usage, 3 bad input, 4 damaged or not to be trusted,
5 something is missing on this machine, 6 a repository cannot be reached, 70 a bug in resplice, 128+N ended by signal N`;

type Loader = () => Promise<CommandUnknownOpts>;

const KERNEL_COMMANDS: ReadonlyMap<string, Loader> = new Map<string, Loader>([
  ['fetch', async () => (await import('./commands/kernel-fetch.js')).kernelFetchCommand()],
  ['add', async () => (await import('./commands/kernel-add.js')).kernelAddCommand()],
  ['list', async () => (await import('./commands/kernel-list.js')).kernelListCommand()],
  ['diff', async () => (await import('./commands/kernel-diff.js')).kernelDiffCommand()],
]);

const KEYS_COMMANDS: ReadonlyMap<string, Loader> = new Map<string, Loader>([
  ['make', async () => (await import('./commands/keys-make.js')).keysMakeCommand()],
  ['list', async () => (await import('./commands/keys-list.js')).keysListCommand()],
  ['rotate', async () => (await import('./commands/keys-make.js')).keysRotateCommand()],
  ['revoke', async () => (await import('./commands/keys-revoke.js')).keysRevokeCommand()],
  ['sign', async () => (await import('./commands/keys-sign.js')).keysSignCommand()],
  ['mok', async () => (await import('./commands/keys-mok.js')).keysMokCommand()],
]);

const FACTORY_COMMANDS: ReadonlyMap<string, Loader> = new Map<string, Loader>([
  ['watch', async () => (await import('./commands/factory-begin.js')).factoryWatchCommand()],
  ['add', async () => (await import('./commands/factory-begin.js')).factoryAddCommand()],
  ['priority', async () => (await import('./commands/factory-begin.js')).factoryPriorityCommand()],
  ['releases', async () => (await import('./commands/factory-look.js')).factoryReleasesCommand()],
  ['units', async () => (await import('./commands/factory-look.js')).factoryUnitsCommand()],
  ['show', async () => (await import('./commands/factory-look.js')).factoryShowCommand()],
  ['approve', async () => (await import('./commands/factory-decide.js')).factoryApproveCommand()],
  ['send-back', async () => (await import('./commands/factory-decide.js')).factorySendBackCommand()],
  ['refuse', async () => (await import('./commands/factory-decide.js')).factoryRefuseCommand()],
  ['code', async () => (await import('./commands/factory-decide.js')).factoryCodeCommand()],
  ['probe', async () => (await import('./commands/factory-decide.js')).factoryProbeCommand()],
  ['retry', async () => (await import('./commands/factory-decide.js')).factoryRetryCommand()],
  ['cancel', async () => (await import('./commands/factory-decide.js')).factoryCancelCommand()],
  ['publish', async () => (await import('./commands/factory-begin.js')).factoryPublishCommand()],
  ['published', async () => (await import('./commands/factory-look.js')).factoryPublishedCommand()],
  ['withdraw', async () => (await import('./commands/factory-decide.js')).factoryWithdrawCommand()],
  ['jobs', async () => (await import('./commands/factory-look.js')).factoryJobsCommand()],
  ['log', async () => (await import('./commands/factory-look.js')).factoryLogCommand()],
]);

const COMMANDS: ReadonlyMap<string, Loader> = new Map<string, Loader>([
  ['kernel', loadKernelCommand],
  ['create', async () => (await import('./commands/create.js')).createCommand()],
  ['diff', async () => (await import('./commands/diff.js')).diffCommand()],
  ['evaluate', async () => (await import('./commands/evaluate.js')).evaluateCommand()],
  ['split', async () => (await import('./commands/split.js')).splitCommand()],
  ['inspect', async () => (await import('./commands/inspect.js')).inspectCommand()],
  ['try', async () => (await import('./commands/try.js')).tryCommand()],
  ['apply', async () => (await import('./commands/apply.js')).applyCommand()],
  ['undo', async () => (await import('./commands/undo.js')).undoCommand()],
  ['list', async () => (await import('./commands/list.js')).listCommand()],
  ['show', async () => (await import('./commands/show.js')).showCommand()],
  ['upgrade', async () => (await import('./commands/upgrade.js')).upgradeCommand()],
  ['register', async () => (await import('./commands/register.js')).registerCommand()],
  ['refresh', async () => (await import('./commands/refresh.js')).refreshCommand()],
  ['remove', async () => (await import('./commands/remove.js')).removeCommand()],
  ['status', async () => (await import('./commands/status.js')).statusCommand()],
  ['uname', async () => (await import('./commands/uname.js')).unameCommand()],
  ['check', async () => (await import('./commands/check.js')).checkCommand()],
  ['boot', async () => (await import('./commands/boot.js')).bootCommand()],
  ['health', async () => (await import('./commands/health.js')).healthCommand()],
  ['mirror', async () => (await import('./commands/mirror.js')).mirrorCommand()],
  ['publish', async () => (await import('./commands/publish.js')).publishCommand()],
  ['keys', loadKeysCommand],
  ['serve', async () => (await import('./commands/serve.js')).serveCommand()],
  ['worker', async () => (await import('./commands/worker.js')).workerCommand()],
  ['factory', loadFactoryCommand],
  ['rollout', async () => (await import('./commands/rollout.js')).rolloutCommand()],
  ['admin', async () => (await import('./commands/admin.js')).adminCommand()],
  ['doctor', async () => (await import('./commands/doctor.js')).doctorCommand()],
]);

/** Set by scripts/bundle.mjs: `machine` in the package for machines. */
declare const RESPLICE_EDITION: string | undefined;

/** What needs a checkout: compilers' rules, the kernel side's sources, private keys of a publisher. */
const WORKSHOP_COMMANDS = new Set([
  ...['kernel', 'create', 'diff', 'evaluate', 'split', 'try', 'publish', 'doctor'],
  ...['serve', 'worker', 'admin', 'factory', 'rollout'],
]);

function listCommands(): ReadonlyMap<string, Loader> {
  if (typeof RESPLICE_EDITION === 'undefined' || RESPLICE_EDITION !== 'machine') return COMMANDS;
  return new Map([...COMMANDS].filter(([name]) => !WORKSHOP_COMMANDS.has(name)));
}

/**
 * The program with the command that `argv` begins with, or with all of them when it begins with none. Usage errors are
 * thrown as commander's CommanderError and not printed.
 */
export async function buildProgram(argv: readonly string[]): Promise<Command> {
  const program: Command = new Command('resplice')
    .description('turns a source patch into an update of the running Debian kernel, without a reboot')
    .version(VERSION, '--version', 'print the version')
    .helpCommand(false)
    .addHelpText('after', EXAMPLE);
  const commands = listCommands();
  const wanted = commands.get(argv[0] ?? '');
  const loaders = wanted === undefined ? [...commands.values()] : [wanted];
  for (const load of loaders) program.addCommand(await load());
  throwInsteadOfExiting(program);
  return program;
}

async function loadKernelCommand(): Promise<CommandUnknownOpts> {
  const kernel = new Command('kernel').description('find, fetch and compare the kernels of the distribution');
  for (const load of KERNEL_COMMANDS.values()) kernel.addCommand(await load());
  return kernel;
}

async function loadKeysCommand(): Promise<CommandUnknownOpts> {
  const keys = new Command('keys').description('make, list, rotate and revoke the keys of a repository');
  for (const load of KEYS_COMMANDS.values()) keys.addCommand(await load());
  return keys;
}

async function loadFactoryCommand(): Promise<CommandUnknownOpts> {
  const factory = new Command('factory').description(
    'from a release of the distribution to published updates',
  );
  for (const load of FACTORY_COMMANDS.values()) factory.addCommand(await load());
  return factory;
}

function throwInsteadOfExiting(command: CommandUnknownOpts): void {
  command.exitOverride();
  command.configureOutput({ writeErr: () => {} });
  for (const child of command.commands) throwInsteadOfExiting(child);
}
