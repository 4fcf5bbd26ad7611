// The embedded database belongs to the running server, so `resplice admin` asks that server: over a socket in the server's folder,
// which only the folder's owner can reach. One line of JSON each way.

import { rm } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { EnvironmentError, InputError, InternalError, RespliceError } from '@resplice/report';
import type { Service } from '../service.js';
import { type AdminContext, AdminRequest, type AdminResult, runAdmin } from './operation.js';

export interface ControlSocket {
  close(): Promise<void>;
}

/** The longest name of a socket that Linux takes (unix(7)). */
const LONGEST_PATH = 107;
/** No server, or one that ended meanwhile. */
const NOT_THERE = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE']);

/** Undefined with PostgreSQL, which takes everybody itself. */
export async function openControlSocket(service: Service): Promise<ControlSocket | undefined> {
  if (service.database.kind !== 'embedded') return undefined;
  const path = socketPath(service.options.folder);
  const { database, artefacts, options } = service;
  const context: AdminContext = { database, artefacts, passwordCost: options.passwordCost };
  // What lies there was left by a server that was killed: this one has the lock of the folder.
  await rm(path, { force: true });
  const server = createServer((socket) => {
    socket.on('error', () => {});
    createInterface({ input: socket }).on('line', (line) => {
      void answer(context, line).then((text) => socket.end(`${text}\n`));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}

async function answer(context: AdminContext, line: string): Promise<string> {
  try {
    return JSON.stringify({ result: await runAdmin(context, AdminRequest.parse(JSON.parse(line))) });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const code = error instanceof RespliceError ? error.code : 'bug';
    return JSON.stringify({ error: { code, message, input: error instanceof InputError } });
  }
}

/** What the running server answers; undefined when none runs on this folder. Throws what the operation throws. */
export async function askRunningServer(
  folder: string,
  request: AdminRequest,
): Promise<AdminResult | undefined> {
  const socket = createConnection(socketPath(folder));
  const line = await new Promise<string | undefined>((resolve, reject) => {
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (NOT_THERE.has(error.code ?? '')) resolve(undefined);
      else reject(error);
    });
    socket.once('connect', () => socket.write(`${JSON.stringify(request)}\n`));
    createInterface({ input: socket.on('error', () => {}) })
      .on('line', resolve)
      .on('close', () => resolve(undefined))
      .on('error', () => {});
  });
  if (line === undefined) return undefined;
  const { result, error } = JSON.parse(line) as {
    readonly result?: AdminResult;
    readonly error?: { readonly code: string; readonly message: string; readonly input: boolean };
  };
  if (error === undefined) return result;
  if (error.input) throw new InputError(error.code, error.message);
  throw error.code === 'bug'
    ? new InternalError('bug', error.message)
    : new EnvironmentError(error.code, error.message);
}

function socketPath(folder: string): string {
  const absolute = join(folder, 'control.sock');
  const path = absolute.length <= LONGEST_PATH ? absolute : relative(process.cwd(), absolute);
  if (path.length <= LONGEST_PATH) return path;
  const message = `${folder}: the name is too long for a socket in it; choose a folder with a shorter one`;
  throw new EnvironmentError('folder-name-too-long', message);
}
