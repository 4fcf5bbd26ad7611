// What the commands of the server have in common. The server is no part of the one file that machines get: it is loaded when one of
// these commands runs, from the installed package.

import { EnvironmentError, RespliceError } from '@resplice/report';
import { newCommand } from './command.js';

export const SERVER_FOLDER = '/var/lib/resplice-server';

export function newServerCommand(name: string, summary: string, examples: readonly string[]) {
  return newCommand(name, summary, examples).option(
    '--data <folder>',
    'state of the server; with DATABASE_URL set, the database is that PostgreSQL and not in here',
    SERVER_FOLDER,
  );
}

/** Also when the signal came while the server was still starting. */
export function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

export function loadServer() {
  return loadFromCheckout(() => import('@resplice/server'));
}

/** Throws EnvironmentError `server-not-installed`. */
export async function loadFromCheckout<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    if (cause instanceof RespliceError) throw cause;
    const message =
      'the server is not part of this installation: it is run from a checkout of Resplice or its server package, where the packages that it needs are installed';
    throw new EnvironmentError('server-not-installed', message, { cause });
  }
}

/** What has a secret in it comes by the environment: arguments are seen by every user of the machine. */
export function readEnvironment(env: NodeJS.ProcessEnv = process.env) {
  const { DATABASE_URL, RESPLICE_ARTEFACTS, RESPLICE_MAIL, RESPLICE_MAIL_FROM } = env;
  const set = (text: string | undefined): string | undefined => (text === '' ? undefined : text);
  const server = set(RESPLICE_MAIL);
  return {
    databaseUrl: set(DATABASE_URL),
    artefacts: set(RESPLICE_ARTEFACTS),
    mail:
      server === undefined ? undefined : { server, from: set(RESPLICE_MAIL_FROM) ?? 'resplice@localhost' },
  };
}
