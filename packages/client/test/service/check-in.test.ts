// A machine and a server on loopback whose answers the tests choose.

import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { CheckInRequest, MachineReport, RegisterRequest } from '@resplice/protocol';
import { checkIn, findRepository, isCheckInDue, registerMachine } from '../../src/service/check-in.js';
import { openRegistration } from '../../src/service/registration.js';
import { makeReport } from '../../src/service/report.js';
import { FakeHost } from '../fake-machine.js';

const KEY = `rsk_${'a'.repeat(30)}`;
const TOKEN = `rsm_${'b'.repeat(30)}`;
const MACHINE = '00000000-0000-4000-8000-000000000001';
const DESIRED = { mode: null, updates: 'all' as const, except: [], remove: [] };

type Respond = (body: unknown, response: ServerResponse, request: IncomingMessage) => void;

let host = new FakeHost();
let respond: Respond = () => {};
let address = '';
const heard: { readonly path: string; readonly body: unknown; readonly authorization: string | undefined }[] =
  [];

const server = createServer((request, response) => {
  let text = '';
  request.on('data', (piece) => {
    text += piece;
  });
  request.on('end', () => {
    const body: unknown = JSON.parse(text);
    heard.push({ path: request.url ?? '', body, authorization: request.headers.authorization });
    respond(body, response, request);
  });
});

beforeEach(async () => {
  host = new FakeHost();
  heard.length = 0;
  respond = answer;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  host.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const answer: Respond = (body, response) => {
  if (RegisterRequest.safeParse(body).success) {
    const about = { machine: MACHINE, token: TOKEN, state: 'active', repository: null, rootSha256: null };
    response.end(JSON.stringify({ ...about, nextCheckInSeconds: 60 }));
    return;
  }
  const more = { group: 'web', ring: 0, desired: DESIRED, nextCheckInSeconds: 3600, backOffSeconds: 30 };
  response.end(JSON.stringify({ state: 'active', ...more }));
};
const fail =
  (status: number, code: string, headers: Readonly<Record<string, string>> = {}): Respond =>
  (_body, response) =>
    response.writeHead(status, headers).end(JSON.stringify({ error: { code, message: `no: ${code}` } }));
const register = async () => registerMachine(await host.client(), address, KEY);
const report = async () => checkIn(await host.client());

test('what is sent is what the protocol says, and holds neither names nor addresses', async () => {
  await register();
  await report();
  const [first, second] = heard;
  assert.equal(first?.path, '/api/v1/machines');
  assert.equal(second?.authorization, `Bearer ${TOKEN}`);
  const request = CheckInRequest.parse(second?.body);
  assert.deepEqual(request.report, makeReport(await host.client()));
  assert.deepEqual(
    MachineReport.parse(request.report),
    request.report,
    'no field that the protocol does not know',
  );
  assert.equal(request.sequence, 1);
  assert.ok(!JSON.stringify(second?.body).includes('0'.repeat(31)), 'the machine id itself is not sent');
});

test('the token is readable by root only, and is not in the registration', async () => {
  await register();
  assert.equal(statSync(join(host.places.state, 'token.json')).mode & 0o777, 0o600);
  assert.ok(!JSON.stringify(openRegistration(host.places).read()).includes(TOKEN));
});

test('the sequence rises with each acknowledged check-in, and back-off is kept', async () => {
  await register();
  await report();
  const { sequence, nextCheckIn, group } = await report();
  assert.equal(sequence, 2);
  assert.equal(group, 'web');
  assert.equal(Date.parse(nextCheckIn) - host.now.getTime(), 3_630_000);
  const registration = openRegistration(host.places).read();
  assert.ok(registration !== undefined && !isCheckInDue(registration, host.now));
  assert.ok(isCheckInDue(registration, new Date(host.now.getTime() + 3_630_000)));
});

test('a check-in whose answer was lost is sent again as the same one', async () => {
  await register();
  respond = (_body, response) => response.destroy();
  await assert.rejects(report(), { code: 'server-unreachable', exitStatus: 6 });
  respond = answer;
  await report();
  const [, lost, again] = heard.map(({ body }) => body as CheckInRequest);
  assert.equal(again?.sequence, lost?.sequence);
  assert.equal(again?.nonce, lost?.nonce);
  await report();
  const [last] = heard.slice(-1).map(({ body }) => body as CheckInRequest);
  assert.notEqual(last?.nonce, lost?.nonce);
});

test('a machine that was cloned stops checking in until it is registered again', async () => {
  await register();
  respond = fail(409, 'machine-cloned');
  await assert.rejects(report(), { code: 'machine-cloned', exitStatus: 4 });
  respond = answer;
  const before = heard.length;
  await assert.rejects(report(), { code: 'machine-cloned' });
  assert.equal(heard.length, before, 'nothing was sent');
  await register();
  assert.equal((await report()).stopped, null);
});

test('a busy server is left alone for as long as it says', async () => {
  await register();
  respond = fail(503, 'server-busy', { 'retry-after': '900' });
  await assert.rejects(report(), { code: 'server-busy', exitStatus: 6 });
  const next = openRegistration(host.places).read()?.nextCheckIn ?? '';
  assert.equal(Date.parse(next) - host.now.getTime(), 900_000);
});

test('whatever else answers is no server, and nothing is changed', async () => {
  await register();
  const before = openRegistration(host.places).read();
  const others: readonly Respond[] = [
    (_body, response) => response.end('<html>log in</html>'),
    (_body, response) => response.end('{"state":"active"}'),
    (_body, response) => response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(),
    (_body, response) => response.end('x'.repeat(2_000_000)),
    fail(500, 'internal-error'),
    fail(418, 'no-such-code'),
  ];
  for (const other of others) {
    respond = other;
    await assert.rejects(report(), { code: 'server-unreachable' });
  }
  assert.deepEqual({ ...openRegistration(host.places).read(), nonce: null }, before);
});

test('a wrong address or key is refused before anything is sent', async () => {
  const client = await host.client();
  await assert.rejects(registerMachine(client, 'updates.example.org', KEY), { code: 'server-malformed' });
  await assert.rejects(registerMachine(client, address, 'secret'), { code: 'access-key-malformed' });
  assert.deepEqual(heard, []);
  respond = fail(401, 'access-key-refused');
  await assert.rejects(register(), { code: 'access-key-refused', exitStatus: 3 });
  assert.equal(openRegistration(host.places).read(), undefined);
});

test('updates come from the server unless it or the configuration names another place', async () => {
  const client = await host.client();
  const registration = await register();
  assert.equal(findRepository(client, registration), `${address}/repository/`);
  assert.equal(findRepository(client, { ...registration, repository: 'https://cdn' }), 'https://cdn');
  const configured = { ...client, configuration: { ...client.configuration, repository: '/media/updates' } };
  assert.equal(findRepository(configured, registration), '/media/updates');
  assert.equal(findRepository(client, undefined), undefined);
});
