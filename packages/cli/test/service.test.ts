// The client that machines run against the server that fleets run, over HTTP. Each has its own tests with a simulated other side; this shows that
// they mean the same.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { askService, openClient, placesBelow, registerMachine } from '@resplice/client';
import type { Machine } from '@resplice/host';
import { administer, type RunningServer, startServer } from '@resplice/server';
import { fakeMachine } from './fake-machine.js';

const folder = mkdtempSync(join(tmpdir(), 'resplice-service-'));
let server: RunningServer;
let key = '';
let session = '';

before(async () => {
  server = await startServer({
    folder: join(folder, 'server'),
    host: '127.0.0.1',
    port: 0,
    worker: false,
    passwordCost: { exponent: 10 },
    log: () => {},
  });
  const made = await administer(
    { folder: join(folder, 'server') },
    { operation: 'add-key', organisation: 'default', name: 'test' },
  );
  key = String(made.key);
  const { name, password } = server.firstAdministrator ?? assert.fail('no administrator was made');
  session = String((await ask('POST', '/api/v1/session', { name, password })).session);
});
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

async function ask(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
  const answer = await fetch(new URL(path, server.address), {
    method,
    headers: {
      authorization: `Bearer ${session}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const result = (await answer.json()) as Record<string, unknown>;
  assert.equal(answer.status, 200, JSON.stringify(result));
  return result;
}

/** A machine on hardware of this name. */
function machineOn(hardware: string): Machine {
  const machine = fakeMachine();
  const files = new Map([
    ['/etc/machine-id', '0123456789abcdef0123456789abcdef'],
    ['/proc/sys/kernel/random/boot_id', '5d2d1c5c-9a0f-4d0b-8f4e-1d9f5a3b1c11'],
    ['/proc/uptime', '100.0 1.0'],
    ['/proc/sys/kernel/version', '#1 SMP Debian 6.1.170-3 (2026-05-08)'],
    ['/sys/class/dmi/id/product_uuid', hardware],
  ]);
  return {
    ...machine,
    readFile: (path) => {
      const text = files.get(path);
      return text === undefined ? machine.readFile(path) : { ok: true, bytes: Buffer.from(text) };
    },
  };
}

const open = (name: string, hardware: string) =>
  openClient(machineOn(hardware), { places: placesBelow(join(folder, name)) });

test('a machine registers, reports and is listed', async () => {
  const client = await open('first', 'one');
  const registration = await registerMachine(client, server.address, key);
  assert.equal(registration.state, 'active');
  const { registration: answered, problem } = await askService(client, false);
  assert.equal(problem, undefined);
  assert.deepEqual(answered?.desired, { mode: null, updates: 'all', except: [], remove: [] });
  const detail = await ask('GET', `/api/v1/machines/${registration.machine}`);
  assert.deepEqual([detail.checkIns, detail.health, detail.silent], [1, 'good', false]);
  assert.equal((detail.kernel as { release: string }).release, '6.1.0-47-amd64');
});

test('a group and its mode reach the machine with the next check-in', async () => {
  const client = await open('first', 'one');
  const [machine] = (await ask('GET', '/api/v1/machines')).machines as { machine: string }[];
  await ask('POST', '/api/v1/groups', { name: 'web', mode: 'notify', ring: 2 });
  await ask('PATCH', `/api/v1/machines/${machine?.machine}`, { group: 'web' });
  const { registration } = await askService(client, false);
  assert.deepEqual([registration?.group, registration?.desired?.mode], ['web', 'notify']);
});

test('a copy of the disk on other hardware is stopped, and goes on once it is registered itself', async () => {
  cpSync(join(folder, 'first'), join(folder, 'copy'), { recursive: true });
  const [first, copy] = [await open('first', 'one'), await open('copy', 'two')];
  assert.equal((await askService(first, false)).problem, undefined);
  const { problem } = await askService(copy, false);
  assert.match(String(problem), /copy/);
  assert.equal((problem as { code?: string }).code, 'machine-cloned');
  await registerMachine(copy, server.address, key);
  assert.equal((await askService(copy, false)).problem, undefined);
  assert.equal((await askService(first, false)).problem, undefined);
  assert.equal((await ask('GET', '/api/v1/machines')).total, 2);
});

test('an answer that was lost is asked for again and does no harm', async () => {
  const client = await open('first', 'one');
  const gone = join(folder, 'before-answer');
  // The state with the nonce on the disk, as a machine has it that lost its power before the answer came.
  const { address } = server;
  const real = globalThis.fetch;
  globalThis.fetch = async (...request) => {
    const answer = await real(...request);
    if (!String(request[0]).startsWith(address)) return answer;
    throw new TypeError('fetch failed');
  };
  try {
    assert.notEqual((await askService(client, false)).problem, undefined);
  } finally {
    globalThis.fetch = real;
  }
  cpSync(join(folder, 'first'), gone, { recursive: true });
  const again = await open('before-answer', 'one');
  assert.equal((await askService(again, false)).problem, undefined);
});
