// The client of the factory against a server that answers what it is told to.

import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { CandidateRow } from '@resplice/protocol/factory';
import { z } from 'zod';
import { openApiClient } from '../src/api-client.js';
import { findCandidate } from '../src/factory-client.js';

const signal = new AbortController().signal;
let server: Server;
let address = '';
let answer: { readonly status: number; readonly body: string } = { status: 200, body: '{}' };
const asked: string[] = [];

before(async () => {
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url} ${request.headers.authorization}`);
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

const open = (env: NodeJS.ProcessEnv = { RESPLICE_TOKEN: 'rsa_test', RESPLICE_SERVER: address }) =>
  openApiClient({}, signal, '/api/v1/factory/', env);

function row(unit: string, release: string): CandidateRow {
  return {
    id: `00000000-0000-4000-8000-${unit.length.toString().padStart(6, '0')}${release.length.toString().padStart(6, '0')}`,
    releaseId: '00000000-0000-4000-8000-000000000000',
    ...{
      unit,
      files: [],
      cves: [],
      severity: null,
      exploited: false,
      priority: 0,
      functions: 0,
      approvals: 0,
    },
    kernel: { release, version: '6.1.170-3', buildId: null },
    ...{ state: 'new', verdict: null, reason: null, changedAt: '2026-11-25T12:00:00Z' },
  };
}

function answerRows(...candidates: readonly CandidateRow[]): void {
  answer = { status: 200, body: JSON.stringify({ candidates, total: candidates.length, next: null }) };
}

test('without a token nothing is asked', async () => {
  await assert.rejects(open({ RESPLICE_SERVER: address }), { code: 'no-token' });
  assert.deepEqual(asked, []);
});

test('the token goes along, and the answer has to be what this version expects', async () => {
  const client = await open();
  answer = { status: 200, body: '{"done":true}' };
  assert.deepEqual(await client.get('jobs', z.object({ done: z.literal(true) })), { done: true });
  assert.equal(asked.at(-1), 'GET /api/v1/factory/jobs Bearer rsa_test');
  const other = z.object({ jobs: z.array(z.string()) });
  await assert.rejects(client.get('jobs', other), { code: 'server-not-understood' });
  answer = { status: 200, body: '<html>a login page</html>' };
  await assert.rejects(client.get('jobs', other), { code: 'server-not-understood' });
});

test('what the server refuses is said in its words, with its code', async () => {
  answer = { status: 409, body: '{"error":{"code":"conflict","message":"the candidate is new"}}' };
  const client = await open();
  await assert.rejects(client.send('POST', 'publish', {}, z.unknown()), {
    code: 'conflict',
    message: 'the candidate is new',
  });
});

test('a server that is not there is named', async () => {
  const client = await open({ RESPLICE_TOKEN: 'rsa_test', RESPLICE_SERVER: 'http://127.0.0.1:1' });
  await assert.rejects(client.get('jobs', z.unknown()), {
    code: 'server-unreachable',
    message: /127\.0\.0\.1:1/,
  });
});

test('a unit is found by its name, unless several kernels have it', async () => {
  const client = await open();
  answerRows(row('ipc-util-9b6854', '6.1.0-47-amd64'), row('ipc-util-9b6854-b', '6.1.0-47-amd64'));
  assert.equal((await findCandidate(client, 'ipc-util-9b6854')).unit, 'ipc-util-9b6854');
  answerRows(row('ipc-util-9b6854', '6.1.0-47-amd64'), row('ipc-util-9b6854', '6.1.0-47-cloud-amd64'));
  await assert.rejects(findCandidate(client, 'ipc-util-9b6854'), {
    code: 'candidate-ambiguous',
    message: /--kernel 6\.1\.0-47-cloud-amd64=6\.1\.170-3/,
  });
  answerRows();
  await assert.rejects(findCandidate(client, 'nothing'), { code: 'no-such-candidate' });
});
