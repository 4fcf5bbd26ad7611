// A server for a test, and machines and people who talk to it over HTTP as they would in real life.

import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { CheckInAnswer, CheckInRequest, MachineReport, RegisterAnswer } from '@resplice/protocol';
import type { Role } from '../../src/access/rights.js';
import { runAdmin } from '../../src/admin/operation.js';
import type { ServerOptions } from '../../src/service.js';
import { type RunningServer, startServer } from '../../src/start-server.js';
import type { Cluster } from './cluster.js';
import { copyEmbedded, type Kind, makeFolder } from './test-database.js';

export const PASSWORD = 'correct horse battery';
export const CHEAP = { exponent: 10 };

export interface Answer<T = Record<string, unknown>> {
  readonly status: number;
  readonly body: T;
  readonly headers: Headers;
}

export interface TestServer {
  readonly running: RunningServer;
  readonly folder: string;
  readonly options: ServerOptions;
  readonly log: string[];
  ask<T = Record<string, unknown>>(method: string, path: string, options?: AskOptions): Promise<Answer<T>>;
  /** An organisation with a session for each role. */
  makeOrganisation(name: string): Promise<Organisation>;
  /** Closed and started again on the same state. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface AskOptions {
  readonly as?: string | undefined;
  readonly body?: unknown;
  /** Sent as it is. */
  readonly raw?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Organisation {
  readonly name: string;
  readonly sessions: Readonly<Record<Role, string>>;
  readonly key: string;
}

export async function startTestServer(
  kind: Kind,
  cluster: Cluster | undefined,
  more: Partial<ServerOptions> = {},
): Promise<TestServer> {
  const { folder, remove } = await makeFolder();
  const state = join(folder, 'state');
  const databaseUrl = kind === 'postgresql' ? await cluster?.makeDatabase() : undefined;
  if (kind === 'embedded') await copyEmbedded(state);
  const log: string[] = [];
  const options: ServerOptions = {
    folder: state,
    databaseUrl,
    host: '127.0.0.1',
    port: 0,
    worker: false,
    passwordCost: CHEAP,
    log: (line) => log.push(line),
    ...more,
  };
  let running = await startServer(options);
  const ask = async <T>(method: string, path: string, request: AskOptions = {}): Promise<Answer<T>> => {
    const { as, body, raw, headers = {} } = request;
    const sent = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const answer = await fetch(new URL(path, running.address), {
      method,
      headers: {
        ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
        ...(as === undefined ? {} : { authorization: `Bearer ${as}` }),
        ...headers,
      },
      redirect: 'manual',
      ...(sent === undefined ? {} : { body: sent }),
    });
    const text = await answer.text();
    const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true;
    return { status: answer.status, body: (isJson ? JSON.parse(text) : text) as T, headers: answer.headers };
  };
  return {
    get running() {
      return running;
    },
    folder,
    options,
    log,
    ask,
    async makeOrganisation(name) {
      const { database, artefacts } = running.service;
      const context = { database, artefacts, passwordCost: CHEAP };
      const administrator = `${name}-admin`;
      await runAdmin(context, { operation: 'add-organisation', name, administrator, password: PASSWORD });
      const sessions: Partial<Record<Role, string>> = {};
      for (const role of ['viewer', 'operator', 'reviewer', 'admin'] as const) {
        const user = `${name}-${role}`;
        if (role !== 'admin')
          await runAdmin(context, {
            operation: 'add-user',
            organisation: name,
            name: user,
            role,
            password: PASSWORD,
          });
        const login = await ask<{ session: string }>('POST', '/api/v1/session', {
          body: { name: user, password: PASSWORD },
        });
        sessions[role] = login.body.session;
      }
      const { key } = await runAdmin(context, { operation: 'add-key', organisation: name, name: 'test' });
      return { name, sessions: sessions as Record<Role, string>, key: String(key) };
    },
    async restart() {
      await running.close();
      running = await startServer(options);
    },
    async close() {
      await running.close();
      await remove();
    },
  };
}

export const KERNEL = {
  release: '6.1.0-47-amd64',
  version: '6.1.170-3',
  buildId: 'c'.repeat(40),
  architecture: 'x86_64',
  flavour: 'amd64',
};

export function makeReport(change: Partial<MachineReport> = {}): MachineReport {
  return {
    client: '0.1.0',
    kernel: KERNEL,
    bootId: randomUUID(),
    uptimeSeconds: 100,
    effective: { release: '6.1.170-3', cvesFixed: 0, cvesOpen: null },
    updates: [],
    health: { state: 'good', complaints: [] },
    disabled: null,
    lastReboot: '2026-11-25T09:00:00Z',
    ...change,
  };
}

export function randomHex(length: number): string {
  return Array.from({ length }, () => Math.floor(Math.random() * 16).toString(16)).join('');
}

export class TestMachine {
  report: MachineReport;
  identity = { machineId: randomHex(64), fingerprint: randomHex(64) };
  token = '';
  id = '';
  sequence = 0;

  constructor(
    private readonly server: Pick<TestServer, 'ask'>,
    change: Partial<MachineReport> = {},
  ) {
    this.report = makeReport(change);
  }

  async register(accessKey: string): Promise<Answer<RegisterAnswer>> {
    const { identity, report } = this;
    const answer = await this.server.ask<RegisterAnswer>('POST', '/api/v1/machines', {
      body: { accessKey, identity, report },
    });
    if (answer.status === 200) {
      this.token = answer.body.token;
      this.id = answer.body.machine;
      this.sequence = 0;
    }
    return answer;
  }

  next(): CheckInRequest {
    const { identity, report } = this;
    return { sequence: this.sequence + 1, nonce: randomHex(32), identity, report };
  }

  async send(request: CheckInRequest): Promise<Answer<CheckInAnswer & { error?: { code: string } }>> {
    const answer = await this.server.ask<CheckInAnswer>('POST', '/api/v1/check-in', {
      as: this.token,
      body: request,
    });
    if (answer.status === 200) this.sequence = request.sequence;
    return answer;
  }

  checkIn(): Promise<Answer<CheckInAnswer & { error?: { code: string } }>> {
    return this.send(this.next());
  }
}

/** A copy with the same disk and token, on other hardware or not. */
export function cloneMachine(server: Pick<TestServer, 'ask'>, machine: TestMachine): TestMachine {
  const copy = new TestMachine(server);
  copy.report = { ...machine.report, bootId: randomUUID() };
  copy.identity = { ...machine.identity, fingerprint: randomHex(64) };
  copy.token = machine.token;
  copy.sequence = machine.sequence;
  return copy;
}
