// The commands about roll-outs against a server that answers as ours does: what they ask, and what they print.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Rollout } from '@resplice/protocol/console';

const COMMAND = fileURLToPath(new URL('../../bin/resplice.mjs', import.meta.url));
const ID = '00000000-0000-4000-8000-000000000001';
const figures = { machines: 3, good: 1, watching: 0, bad: 1, refused: 0, pending: 1, silent: 0 };
const ROLLOUT: Rollout = {
  id: ID,
  name: 'release 6.1.176-1',
  updates: ['fix_1'],
  plan: 'careful',
  state: 'halted',
  ring: 0,
  ringSince: '2026-11-25T10:00:00.000Z',
  startsAt: '2026-11-25T10:00:00.000Z',
  rings: [
    { name: 'canary', groups: ['canary'], percent: 0, waitHours: 4, minMachines: 2, figures },
    { name: 'all', groups: [], percent: 100, waitHours: 4, minMachines: 0, figures },
  ],
  gates: { tolerate: 0, toleratePercent: 0, lostIsBad: false },
  next: { at: null, waitsFor: ['somebody to resume or withdraw it'] },
  halt: {
    at: '2026-11-25T11:00:00.000Z',
    by: 'the gates',
    why: '1 machine speaks against it (bad-health), 0 tolerated',
    takeBack: true,
    signals: [{ signal: 'bad-health', machine: ID }],
  },
  changedAt: '2026-11-25T11:00:00.000Z',
  changedBy: 'the gates',
};

let server: Server;
let folder = '';
const asked: { line: string; authorization: string | undefined; body: unknown }[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'resplice-rollout-'));
  server = createServer((request, answer) => {
    let text = '';
    request.on('data', (piece) => {
      text += piece;
    });
    request.on('end', () => {
      const line = `${request.method} ${request.url}`;
      asked.push({
        line,
        authorization: request.headers.authorization,
        body: text === '' ? undefined : JSON.parse(text),
      });
      const body = line.endsWith('/next')
        ? {
            error: {
              code: 'conflict',
              message: 'the roll-out is halted: next is not possible; resume it first',
            },
          }
        : line.startsWith('GET /api/v1/rollouts?') || line === 'GET /api/v1/rollouts'
          ? { rollouts: [ROLLOUT] }
          : line.includes('/rollout-plans/')
            ? { done: true }
            : ROLLOUT;
      answer.writeHead(line.endsWith('/next') ? 409 : 200, { 'content-type': 'application/json' });
      answer.end(JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
after(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

function run(...args: string[]): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const child = spawn(process.execPath, [COMMAND, 'rollout', ...args], {
    env: { ...process.env, RESPLICE_SERVER: address, RESPLICE_TOKEN: 'rsa_test' },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (piece) => {
    stdout += piece;
  });
  child.stderr.on('data', (piece) => {
    stderr += piece;
  });
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, stdout, stderr })));
}

test('a roll-out is shown with its rings and why it was halted', async () => {
  const { status, stdout } = await run('show', ID);
  assert.equal(status, 0);
  assert.match(stdout, /release 6\.1\.176-1: halted in canary, by the plan careful/);
  assert.match(stdout, /halted by the gates .*: 1 machine speaks against it \(bad-health\)/);
  assert.match(stdout, /\* +canary +3 +1 +0 +1 +0 +1 +0/);
  assert.deepEqual(asked.at(-1), {
    line: `GET /api/v1/rollouts/${ID}`,
    authorization: 'Bearer rsa_test',
    body: undefined,
  });
});

test('everything a person decides is one request', async () => {
  await run('start', 'new', '--plan', 'careful', '--update', 'fix_1', '--update', 'fix_2');
  await run('halt', ID, '--why', 'the weekend', '--keep');
  await run('resume', ID);
  await run('withdraw', ID, '--why', 'no good');
  assert.deepEqual(
    asked.slice(-4).map(({ line, body }) => [line.replace(`/api/v1/rollouts`, '').replace(ID, 'ID'), body]),
    [
      ['POST ', { name: 'new', plan: 'careful', updates: ['fix_1', 'fix_2'] }],
      ['POST /ID/halt', { why: 'the weekend', takeBack: false }],
      ['POST /ID/resume', {}],
      ['POST /ID/withdraw', { why: 'no good' }],
    ],
  );
});

test('what the server refuses is said in its words, with the status of bad input', async () => {
  const { status, stderr } = await run('next', ID);
  assert.equal(status, 3);
  assert.match(stderr, /resume it first \[conflict\]/);
});

test('a plan is checked before it is sent, and the mistake is named', async () => {
  const file = join(folder, 'plan.json');
  await writeFile(file, JSON.stringify({ rings: [{ name: 'canary', groups: ['a'] }] }));
  const before = asked.length;
  const { status, stderr } = await run('plan', 'careful', file);
  assert.equal(status, 3);
  assert.match(stderr, /the last ring must be everybody: percent 100/);
  assert.equal(asked.length, before);
  await writeFile(file, JSON.stringify({ rings: [{ name: 'all', percent: 100 }] }));
  assert.equal((await run('plan', 'careful', file)).status, 0);
  assert.equal(asked.at(-1)?.line, 'PUT /api/v1/rollout-plans/careful');
});

test('with --json it is a value for programs', async () => {
  const { stdout } = await run('list', '--active', '--json');
  const { ok, rollouts } = JSON.parse(stdout);
  assert.deepEqual([ok, rollouts], [true, [ROLLOUT]]);
  assert.equal(asked.at(-1)?.line, 'GET /api/v1/rollouts?active=yes');
});
