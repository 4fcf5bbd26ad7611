// The administration of a server on its own machine. All of them are one request to the server's library, so they share one file.

import { readFile } from 'node:fs/promises';
import { Command, type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import { InputError } from '@resplice/report';
import { done, type Outcome } from '../outcome.js';
import { alignColumns } from '../printed-text.js';
import { loadServer, newServerCommand, readEnvironment } from '../server-command.js';
import { runSession } from '../session.js';

type Request = Parameters<Awaited<ReturnType<typeof loadServer>>['administer']>[1];

const PASSWORD_FILE = 'take the password from here; without it one is made and shown';
const ROLES = ['viewer', 'operator', 'reviewer', 'admin'] as const;

export function adminCommand(): CommandUnknownOpts {
  return new Command('admin')
    .description('administer the server on this machine: organisations, users, keys, backups')
    .addCommand(listCommand())
    .addCommand(addOrganisationCommand())
    .addCommand(addUserCommand())
    .addCommand(setPasswordCommand())
    .addCommand(addKeyCommand())
    .addCommand(backupCommand())
    .addCommand(restoreCommand());
}

function listCommand() {
  return newServerCommand('list', 'organisations and users', ['resplice admin list']).action((options) =>
    ask(options, { operation: 'list' }, (result) => {
      const rows = (
        result.users as { organisation: string; name: string; role: string; disabled: boolean }[]
      ).map(({ organisation, name, role, disabled }) => [
        organisation,
        name,
        role,
        disabled ? 'disabled' : '',
      ]);
      return alignColumns([['ORGANISATION', 'USER', 'ROLE', ''], ...rows]);
    }),
  );
}

function addOrganisationCommand() {
  return newServerCommand('add-organisation', 'make an organisation with its first administrator', [
    'resplice admin add-organisation example --administrator alice',
  ])
    .argument('<name>')
    .requiredOption('--administrator <name>', 'the name that the administrator logs in with')
    .option('--password-file <file>', PASSWORD_FILE)
    .action(async (name, options) => {
      const { administrator } = options;
      return ask(
        options,
        async () => ({ operation: 'add-organisation', name, administrator, ...(await given(options)) }),
        renderUser,
      );
    });
}

function addUserCommand() {
  return newServerCommand('add-user', 'make a user', [
    'resplice admin add-user bob --organisation example --role operator',
  ])
    .argument('<name>')
    .requiredOption('--organisation <name>', 'where the user belongs')
    .addOption(new Option('--role <role>', 'what the user may do').choices(ROLES).makeOptionMandatory())
    .option('--password-file <file>', PASSWORD_FILE)
    .action(async (name, options) => {
      const { organisation, role } = options;
      return ask(
        options,
        async () => ({ operation: 'add-user', organisation, name, role, ...(await given(options)) }),
        renderUser,
      );
    });
}

function setPasswordCommand() {
  return newServerCommand(
    'set-password',
    'give a user a new password; ends its sessions and one-time codes',
    ['resplice admin set-password alice'],
  )
    .argument('<name>')
    .option('--password-file <file>', PASSWORD_FILE)
    .action(async (name, options) =>
      ask(options, async () => ({ operation: 'set-password', name, ...(await given(options)) }), renderUser),
    );
}

function addKeyCommand() {
  return newServerCommand('add-key', 'make an access key for machines; it is shown this once', [
    'resplice admin add-key "web servers" --organisation default',
  ])
    .argument('<name>')
    .option('--organisation <name>', 'whose machines register with it', 'default')
    .option('--group <name>', 'the group that they are put into')
    .action((name, options) => {
      const { organisation, group } = options;
      return ask(options, { operation: 'add-key', organisation, name, group }, ({ key }) => [String(key)]);
    });
}

function backupCommand() {
  return newServerCommand('backup', 'write everything into one file, while the server runs or not', [
    'resplice admin backup /backup/resplice.tar.gz',
  ])
    .argument('<file>')
    .action((file, options) =>
      ask(options, { operation: 'backup', file }, (result) => [
        `${String(result.file)}: ${describeRows(result.rows)}, ${String(result.artefacts)} artefacts`,
      ]),
    );
}

function restoreCommand() {
  return newServerCommand('restore', 'read a backup into an empty database', [
    'resplice admin restore /backup/resplice.tar.gz --data /var/lib/resplice-server',
  ])
    .argument('<file>')
    .action((file, options) =>
      runSession(options, async () => {
        const { openArtefactStore, restoreBackup } = await loadServer();
        const { databaseUrl: url, artefacts } = readEnvironment();
        const store = openArtefactStore({ folder: options.data, artefacts });
        const manifest = await restoreBackup({ url, folder: options.data }, store, file);
        return done({ ...manifest }, [
          `restored ${describeRows(manifest.rows)}, ${manifest.artefacts} artefacts, as they were at ${manifest.createdAt}`,
        ]);
      }),
    );
}

interface Asked {
  readonly data: string;
  readonly json?: true | undefined;
}

function ask(
  options: Asked,
  request: Request | (() => Promise<Request>),
  render: (result: Readonly<Record<string, unknown>>) => readonly string[],
): Promise<void> {
  return runSession(options, async (): Promise<Outcome> => {
    const { administer } = await loadServer();
    const { databaseUrl, artefacts } = readEnvironment();
    const asked = typeof request === 'function' ? await request() : request;
    const result = await administer({ folder: options.data, databaseUrl, artefacts }, asked);
    return done(result, render(result));
  });
}

async function given({
  passwordFile,
}: {
  readonly passwordFile?: string | undefined;
}): Promise<{ password?: string }> {
  if (passwordFile === undefined) return {};
  try {
    return { password: (await readFile(passwordFile, 'utf8')).replace(/\r?\n$/, '') };
  } catch (cause) {
    const message = `${passwordFile}: the password cannot be read; check the path and its permissions`;
    throw new InputError('password-not-readable', message, { context: { file: passwordFile }, cause });
  }
}

function renderUser({ name, password }: Readonly<Record<string, unknown>>): readonly string[] {
  return password === undefined
    ? [`${name}: done`]
    : [`${name}: the password is ${password}; it is shown this once`];
}

function describeRows(rows: unknown): string {
  const { machines = 0, users = 0 } = rows as Readonly<Record<string, number>>;
  return `${machines} machines, ${users} users`;
}
