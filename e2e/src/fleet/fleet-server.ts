// The real server, as an operator starts it, on this machine's loopback; asked and told through its API as its first administrator.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { MachineReport } from '@resplice/protocol';
import { COMMAND } from '../resplice-command.js';
import { HOST_FROM_GUEST } from './machine-boot.js';

const START_SECONDS = 180;
export const PERSON_PASSWORD = 'correct horse battery staple';

export interface Account {
  readonly name: string;
  readonly password: string;
}

export interface FleetServerOptions {
  /** The first administrator of a server that has run in this directory before; a new one says who that is. */
  readonly administrator?: Account | undefined;
  /** Further options of `serve`. */
  readonly serve?: readonly string[];
  /** A PostgreSQL in place of the embedded database; then the queue is worked on by processes of their own. */
  readonly databaseUrl?: string | undefined;
  /** Further options of such a process. */
  readonly worker?: readonly string[];
  /** Default 1. */
  readonly workers?: number;
}

export class FleetServer {
  readonly #server: KeptProcess;
  readonly #workers: readonly KeptProcess[];
  readonly #port: number;
  readonly #session: string;
  readonly administrator: Account;

  private constructor(
    [server, ...workers]: readonly [KeptProcess, ...KeptProcess[]],
    port: number,
    session: string,
    administrator: Account,
  ) {
    this.#server = server;
    this.#workers = workers;
    this.#port = port;
    this.#session = session;
    this.administrator = administrator;
  }

  /** Serves and watches the public folder of a repository; what it keeps is in `directory`. */
  static async start(
    directory: string,
    publicFolder: string,
    { administrator, serve = [], databaseUrl, worker = [], workers = 1 }: FleetServerOptions = {},
  ): Promise<FleetServer> {
    const port = await findFreePort();
    const data = ['--data', join(directory, 'server')];
    const address = ['--listen', `127.0.0.1:${port}`];
    const alone = databaseUrl === undefined ? [] : ['--no-worker'];
    const command = ['serve', ...data, '--repository', publicFolder, ...serve, ...alone, ...address];
    const environment = databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl };
    const server = new KeptProcess(command, environment, /resplice serves on /);
    const said = await server.ready();
    const account = administrator ?? readAdministrator(said);
    const { session } = (await send(port, 'POST', '/api/v1/session', account)) as {
      session: string;
    };
    const work = ['worker', '--poll', '1', ...data, ...worker];
    const working = Array.from(
      { length: databaseUrl === undefined ? 0 : workers },
      () => new KeptProcess(work, environment, /resplice works on /),
    );
    return new FleetServer([server, ...working], port, session, account);
  }

  /** For guests. */
  get address(): string {
    return `http://${HOST_FROM_GUEST}:${this.#port}`;
  }

  /** For programs on this machine, such as a browser. */
  get localAddress(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Machines that register with it are in the group. */
  async makeKey(group?: string): Promise<string> {
    if (group !== undefined) await this.ask('POST', '/api/v1/groups', { name: group });
    const body = { name: group ?? 'fleet', ...(group === undefined ? {} : { group }) };
    const { key } = (await this.ask('POST', '/api/v1/access-keys', body)) as { key: string };
    return key;
  }

  /** As its first administrator; rejects unless it succeeds. */
  ask(method: string, path: string, body?: unknown): Promise<unknown> {
    return send(this.#port, method, path, body, this.#session);
  }

  /** Another person of this role, with PERSON_PASSWORD; asks as that one. */
  async addPerson(name: string, role: string): Promise<FleetServer['ask']> {
    const password = PERSON_PASSWORD;
    await this.ask('POST', '/api/v1/users', { name, role, password });
    const login = (await send(this.#port, 'POST', '/api/v1/session', { name, password })) as {
      session: string;
    };
    return (method, path, body) => send(this.#port, method, path, body, login.session);
  }

  /** As a machine with this token, or one that has none yet. */
  askAsMachine(path: string, body: unknown, token?: string): Promise<unknown> {
    return send(this.#port, 'POST', path, body, token);
  }

  withdraw(id: string): Promise<unknown> {
    return this.ask('POST', `/api/v1/updates/${id}/withdraw`, { reason: 'the test takes it back' });
  }

  restore(id: string): Promise<unknown> {
    return this.ask('POST', `/api/v1/updates/${id}/restore`, {});
  }

  /** The last report of the machine that said it runs this kernel. */
  async report(release: string): Promise<MachineReport | undefined> {
    const query = new URLSearchParams({ kernel: release });
    const { machines } = (await this.ask('GET', `/api/v1/machines?${query}`)) as {
      machines: readonly { machine: string }[];
    };
    const [found] = machines;
    if (found === undefined) return undefined;
    const detail = (await this.ask('GET', `/api/v1/machines/${found.machine}`)) as { report: MachineReport };
    return detail.report;
  }

  /** Kills the server, or the first worker, as a power cut would, with all that it has inside, and starts it again on what is left. */
  async killAndStart(which: 'server' | 'worker'): Promise<void> {
    const [worker] = this.#workers;
    await (which === 'server' ? this.#server : worker)?.killAndStart();
  }

  async close(): Promise<void> {
    for (const each of [this.#server, ...this.#workers]) await each.close();
  }
}

/** A process of the real command that can be killed and started again. */
class KeptProcess {
  readonly #args: readonly string[];
  readonly #environment: Readonly<Record<string, string>>;
  readonly #ready: RegExp;
  #child: ChildProcess;

  /** @param ready what it says on standard error when it is up */
  constructor(args: readonly string[], environment: Readonly<Record<string, string>>, ready: RegExp) {
    this.#args = args;
    this.#environment = environment;
    this.#ready = ready;
    this.#child = this.#start();
  }

  #start(): ChildProcess {
    const child = spawn(process.execPath, [COMMAND, ...this.#args], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...this.#environment },
    });
    // Also when nobody reads it: a full pipe would stop it.
    child.stderr?.resume();
    return child;
  }

  /** Waits until it is up, and gives what it has said by then; rejects with its words when it ends before. */
  ready(): Promise<string> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      let text = '';
      const fail = () => reject(new Error(`${this.#args[0]} did not start: ${text}`));
      const timer = setTimeout(fail, START_SECONDS * 1000);
      const read = (piece: Buffer) => {
        text += piece.toString();
        if (!this.#ready.test(text)) return;
        clearTimeout(timer);
        child.stderr?.off('data', read);
        resolve(text);
      };
      child.stderr?.on('data', read);
      child.once('close', () => {
        clearTimeout(timer);
        fail();
      });
    });
  }

  async killAndStart(): Promise<void> {
    const closed = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await closed;
    this.#child = this.#start();
    await this.ready();
  }

  async close(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'close');
    child.kill('SIGTERM');
    await closed;
  }
}

async function send(
  port: number,
  method: string,
  path: string,
  body?: unknown,
  session?: string,
): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(session === undefined ? {} : { authorization: `Bearer ${session}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return JSON.parse(text);
}

/** What the server says once, at its first start, before it serves. */
function readAdministrator(said: string): Account {
  const [, name, password] = /Log in as (\S+) with the password (\S+)/.exec(said) ?? [];
  if (name === undefined || password === undefined)
    throw new Error(`the server did not say who its administrator is: ${said}`);
  return { name, password };
}

async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
