import { EnvironmentError } from '@resplice/report';
import { PASSWORD_COST } from '../access/password.js';
import { openArtefactStore } from '../artefact/open-store.js';
import { openDatabase } from '../database/open-database.js';
import { askRunningServer } from './control-socket.js';
import { type AdminRequest, type AdminResult, runAdmin } from './operation.js';

export interface AdminOptions {
  readonly folder: string;
  readonly databaseUrl?: string | undefined;
  readonly artefacts?: string | undefined;
}

/** A server that starts has the database before it answers. */
const PATIENCE_MS = 60_000;

/** By the server that runs on the folder, or, when none does or the database is PostgreSQL, by this process. */
export async function administer(options: AdminOptions, request: AdminRequest): Promise<AdminResult> {
  if (options.databaseUrl !== undefined) return administerItself(options, request);
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const answered = await askRunningServer(options.folder, request);
    if (answered !== undefined) return answered;
    try {
      return await administerItself(options, request);
    } catch (error) {
      const taken = error instanceof EnvironmentError && error.code === 'database-in-use';
      if (!taken || Date.now() > end) throw error;
    }
  }
}

async function administerItself(options: AdminOptions, request: AdminRequest): Promise<AdminResult> {
  const artefacts = openArtefactStore(options);
  const { folder, databaseUrl: url } = options;
  const database = await openDatabase({ url, folder, connections: 2 });
  try {
    return await runAdmin({ database, artefacts, passwordCost: PASSWORD_COST }, request);
  } finally {
    await database.close();
  }
}
