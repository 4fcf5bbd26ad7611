import { readFile } from 'node:fs/promises';
import { askService, type Registration, registerMachine, withClientLock } from '@resplice/client';
import { InputError, UsageError } from '@resplice/report';
import { hashContent } from '@resplice/update';
import { newCommand } from '../command.js';
import { done, type Outcome } from '../outcome.js';
import { alignColumns } from '../printed-text.js';
import { assertRoot, openServiceClient } from '../service-client.js';
import { runSession } from '../session.js';

export function registerCommand() {
  return newCommand('register', 'make this machine known to a server', [
    'sudo resplice register --server https://updates.example.org --key-file /root/access-key',
  ])
    .option('--server <url>', 'address of the server; default: that of the configuration')
    .option('--key <key>', 'an access key of the server; others can see it in the list of processes')
    .option('--key-file <file>', 'take the access key from here')
    .action((options) =>
      runSession(options, async (session) => {
        const client = await openServiceClient(session);
        assertRoot(client);
        const server = options.server ?? client.configuration.server;
        if (server === undefined) {
          throw new UsageError(
            'no-server',
            'name the server with --server, or in /etc/resplice/resplice.conf',
          );
        }
        const key = await readAccessKey(options.key, options.keyFile);
        return withClientLock(client, 'register', async () => {
          const registered = await registerMachine(client, server, key);
          const { registration, problem } = await askService(client, false);
          if (problem !== undefined) throw problem;
          const known = registration ?? registered;
          return renderRegistered(known, await judgeRoot(client.places.root, known));
        });
      }),
    );
}

/** Throws UsageError `no-access-key`, InputError `access-key-not-readable`. */
async function readAccessKey(key: string | undefined, file: string | undefined): Promise<string> {
  if (key !== undefined && file === undefined) return key;
  if (file === undefined || key !== undefined) {
    throw new UsageError(
      'no-access-key',
      'name the access key with --key-file or --key, and with one of them only',
    );
  }
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    const message = `${file}: the access key cannot be read; check the path and its permissions`;
    throw new InputError('access-key-not-readable', message, { context: { file }, cause });
  }
}

/** What stands against getting updates: registering works without a root, believing a repository does not. */
async function judgeRoot(file: string, { rootSha256 }: Registration): Promise<string | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch {
    // Missing or unreadable: either way nothing can be believed yet.
    return `${file} cannot be read: put the root of the repository there before the first upgrade, by a way that you trust`;
  }
  if (rootSha256 === null || hashContent(bytes) === rootSha256) return undefined;
  return `${file} is not the first root of the server's repository: right when it is a later root of the same one, else the server has another repository`;
}

const NEXT: Readonly<Record<Registration['state'], string>> = {
  active: 'run "resplice upgrade" to get its updates now; the timer does it later',
  pending: 'an administrator of the server has to authorise it before it gets updates',
  denied: 'an administrator of the server has denied it updates',
};

function renderRegistered(registration: Registration, note: string | undefined): Outcome {
  const { server, machine, state, group, repository, rootSha256 } = registration;
  const rows = [
    ['server', server],
    ['machine', machine],
    ['state', `${state}; ${NEXT[state]}`],
    ['group', group ?? ''],
  ].filter(([, value]) => value !== '');
  const json = { server, machine, state, group, repository, rootSha256, note: note ?? null };
  return done(json, [...alignColumns(rows), ...(note === undefined ? [] : [note])]);
}
