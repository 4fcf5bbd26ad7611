// What somebody sends who means harm, or whose program is broken.

import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { stepAt, totpCode } from '../../src/access/one-time-code.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { KINDS, makeFolder } from '../support/test-database.js';
import { TestRepository } from '../support/test-repository.js';
import {
  KERNEL,
  type Organisation,
  PASSWORD,
  startTestServer,
  TestMachine,
  type TestServer,
} from '../support/test-server.js';

let cluster: Cluster;
before(async () => {
  cluster = await startCluster();
});
after(() => cluster.stop());

for (const kind of KINDS) {
  describe(`hostile use, ${kind}`, () => {
    let server: TestServer;
    let own: Organisation;
    let remove: () => Promise<void>;
    before(async () => {
      const made = await makeFolder();
      remove = made.remove;
      const repository = await TestRepository.make(join(made.folder, 'site'), [
        { id: 'fix_1', cves: [], kernel: KERNEL },
      ]);
      server = await startTestServer(kind, cluster, { repository: repository.folder });
      own = await server.makeOrganisation('own');
    });
    after(async () => {
      await server.close();
      await remove();
      assert.deepEqual(server.log, [], 'nothing of this is an error of the server');
    });

    it('bodies that are too long, no JSON, of another type or of another shape', async () => {
      const machine = new TestMachine(server);
      await machine.register(own.key);
      const post = (raw: string, headers: Record<string, string> = {}) =>
        server.ask<{ error: { code: string } }>('POST', '/api/v1/check-in', {
          as: machine.token,
          raw,
          headers,
        });
      const codes: [string, number][] = [];
      const note = ({ body, status }: { body: { error: { code: string } }; status: number }) =>
        codes.push([body.error.code, status]);
      note(await post(JSON.stringify({ x: 'x'.repeat(300_000) })));
      note(await post('{"sequence": 1'));
      note(await post('null'));
      note(await post('x=1', { 'content-type': 'application/x-www-form-urlencoded' }));
      note(await post(JSON.stringify({ ...machine.next(), sequence: '1' })));
      note(await post(JSON.stringify({ ...machine.next(), sequence: 1e300 })));
      note(await post(`${'['.repeat(100_000)}${']'.repeat(100_000)}`));
      assert.deepEqual(codes, [
        ['message-too-large', 413],
        ['request-malformed', 400],
        ['request-malformed', 400],
        ['media-type-unknown', 415],
        ['request-malformed', 400],
        ['request-malformed', 400],
        ['request-malformed', 400],
      ]);
      assert.equal((await machine.checkIn()).status, 200);
    });

    it('text that the database cannot hold harms only who sends it', async () => {
      const good = [new TestMachine(server), new TestMachine(server)];
      const bad = new TestMachine(server);
      for (const machine of [...good, bad]) await machine.register(own.key);
      const { report } = bad;
      const complaints = ['a\u0000b', 'a\ud800b'];
      for (const complaint of complaints) {
        bad.report = { ...report, health: { state: 'bad', complaints: [complaint] } };
        const [poisoned, ...others] = await Promise.all([bad, ...good].map((machine) => machine.checkIn()));
        assert.equal(poisoned?.status, 400);
        assert.deepEqual(
          others.map(({ status }) => status),
          [200, 200],
        );
      }
      bad.report = { ...report, health: { state: 'bad', complaints: ['a\\u0000b 😀'] } };
      assert.equal((await bad.checkIn()).status, 200);
      assert.equal(
        (await server.ask('GET', '/api/v1/machines?tag=%00', { as: own.sessions.viewer })).status,
        400,
      );
      assert.equal(
        (await server.ask('GET', "/api/v1/machines?search=%25'--", { as: own.sessions.viewer })).status,
        200,
      );
    });

    it('numbers and text at the limits of the schema are stored', async () => {
      const machine = new TestMachine(server);
      await machine.register(own.key);
      machine.report = {
        ...machine.report,
        uptimeSeconds: Number.MAX_SAFE_INTEGER,
        effective: { release: 'x'.repeat(200), cvesFixed: 1_000_000, cvesOpen: 1_000_000 },
        health: { state: 'bad', complaints: new Array(100).fill('x'.repeat(1000)) },
      };
      assert.equal((await machine.checkIn()).status, 200);
      const ahead = { ...machine.next(), sequence: Number.MAX_SAFE_INTEGER };
      assert.equal((await machine.send(ahead)).status, 200);
    });

    it('forged check-ins: no token, that of another machine, one that was made up', async () => {
      const [first, second] = [new TestMachine(server), new TestMachine(server)];
      await first.register(own.key);
      await second.register(own.key);
      const tokens = [
        '',
        'rsm_',
        `rsm_${'A'.repeat(54)}`,
        `${first.token.slice(0, -4)}AAAA`,
        first.token.toUpperCase(),
      ];
      for (const token of tokens) {
        const answer = await server.ask('POST', '/api/v1/check-in', { as: token, body: first.next() });
        assert.equal(answer.status, 401, token);
      }
      // The id of one with the secret of the other.
      const mixed = `${first.token.slice(0, 25)}${second.token.slice(25)}`;
      assert.equal(
        (await server.ask('POST', '/api/v1/check-in', { as: mixed, body: first.next() })).status,
        401,
      );
      assert.equal((await first.checkIn()).status, 200);
    });

    it('a stolen key: revoked, and the machines that used it denied', async () => {
      const as = own.sessions.operator;
      const made = (
        await server.ask<{ id: string; key: string }>('POST', '/api/v1/access-keys', {
          as,
          body: { name: 'stolen' },
        })
      ).body;
      const thief = new TestMachine(server);
      assert.equal((await thief.register(made.key)).status, 200);
      const revoke = await server.ask<{ denied: number }>('POST', `/api/v1/access-keys/${made.id}/revoke`, {
        as,
        body: { denyMachines: true },
      });
      assert.deepEqual([revoke.status, revoke.body.denied], [200, 1]);
      assert.equal((await thief.checkIn()).body.desired.mode, 'off');
      const again = await new TestMachine(server).register(made.key);
      assert.deepEqual(
        [again.status, (again.body as unknown as { error: { code: string } }).error.code],
        [401, 'access-key-refused'],
      );
      // The same machine, with a key that is good, stays denied.
      assert.equal((await thief.register(own.key)).body.state, 'denied');
    });

    it('a key that may be used once', async () => {
      const as = own.sessions.operator;
      const { key } = (
        await server.ask<{ key: string }>('POST', '/api/v1/access-keys', {
          as,
          body: { name: 'once', maxUses: 1 },
        })
      ).body;
      const answers = await Promise.all([1, 2, 3, 4].map(() => new TestMachine(server).register(key)));
      const statuses = answers.map(({ status }) => status).sort();
      // Each refusal counts as a guess, so the last may already be told to wait.
      assert.deepEqual(
        [statuses[0], ...statuses.slice(1).map((status) => [401, 429].includes(status))],
        [200, true, true, true],
      );
    });

    it('guessing keys: refused after some, while a good one still works', async () => {
      const guess = () => new TestMachine(server).register(`rsk_${'x'.repeat(32)}`);
      const statuses: number[] = [];
      for (let attempt = 0; attempt < 25; attempt += 1) statuses.push((await guess()).status);
      assert.equal(statuses[0], 401);
      assert.equal(statuses.at(-1), 429);
      assert.equal((await new TestMachine(server).register(own.key)).status, 200);
    });

    it('guessing passwords: each further attempt waits longer, also with the right one and after a restart', async () => {
      const logIn = (name: string, password: string) =>
        server.ask<{ error: { code: string } }>('POST', '/api/v1/session', { body: { name, password } });
      for (let attempt = 0; attempt < 7; attempt += 1) await logIn('own-reviewer', `wrong ${attempt}`);
      const blocked = await logIn('own-reviewer', PASSWORD);
      assert.deepEqual([blocked.status, blocked.body.error.code], [429, 'too-many-requests']);
      assert.ok(Number(blocked.headers.get('retry-after')) >= 1);
      assert.equal((await logIn('own-operator', PASSWORD)).status, 200);
      const unknown = await logIn('nobody', PASSWORD);
      assert.deepEqual([unknown.status, unknown.body.error.code], [401, 'login-refused']);
    });

    it('a one-time code is needed once it was confirmed, and is good once', async () => {
      const as = own.sessions.admin;
      const begin = await server.ask<{ secret: string }>('POST', '/api/v1/me/one-time-codes', {
        as,
        body: { password: PASSWORD },
      });
      const { secret } = begin.body;
      const now = stepAt(new Date());
      const confirm = (code: string) =>
        server.ask('POST', '/api/v1/me/one-time-codes/confirm', { as, body: { code } });
      assert.equal((await confirm('000000')).status, 401);
      assert.equal((await confirm(totpCode(secret, now))).status, 200);
      const logIn = (code?: string) =>
        server.ask<{ error: { code: string } }>('POST', '/api/v1/session', {
          body: { name: 'own-admin', password: PASSWORD, code },
        });
      assert.equal((await logIn()).body.error.code, 'one-time-code-needed');
      assert.equal((await logIn(totpCode(secret, now))).status, 401, 'the code that confirmed was used');
      const both = await Promise.all([logIn(totpCode(secret, now + 1)), logIn(totpCode(secret, now + 1))]);
      assert.deepEqual(both.map(({ status }) => status).sort(), [200, 401]);
    });

    it('names of artefacts that lead elsewhere', async () => {
      const as = own.sessions.reviewer;
      const names = [
        '..%2f..%2fetc%2fpasswd',
        '%2e%2e/%2e%2e/x',
        '.hidden',
        'a/../b',
        'a//b',
        'a%5c..%5cb',
        '%2fetc%2fpasswd',
        'a%00b',
        'x/'.repeat(7),
        'x'.repeat(300),
      ];
      for (const name of names) {
        for (const method of ['GET', 'PUT', 'DELETE']) {
          const status = await askRaw(server.running.address, method, `/api/v1/artefacts/${name}`, as);
          assert.ok(status === 400 || status === 404 || status === 414, `${method} ${name}: ${status}`);
        }
      }
      const list = await server.ask<{ artefacts: unknown[] }>('GET', '/api/v1/artefacts', { as });
      assert.deepEqual(list.body.artefacts, []);
    });

    it('addresses in the repository that lead elsewhere', async () => {
      for (const path of [
        '..%2f..%2fstate%2flock',
        '%2e%2e/state/lock',
        '../state/lock',
        'metadata/../../state/lock',
        '.git/config',
        '',
      ]) {
        const status = await askRaw(server.running.address, 'GET', `/repository/${path}`, '');
        assert.ok(status === 403 || status === 404 || status === 400, `${path}: ${status}`);
      }
    });

    it('a page of another site cannot use the cookie of a user', async () => {
      const cookie = `resplice_session=${own.sessions.operator}`;
      const ask = (site: string) =>
        server.ask('POST', '/api/v1/groups', {
          body: { name: `group ${site}` },
          headers: { cookie, 'sec-fetch-site': site },
        });
      assert.equal((await ask('cross-site')).status, 403);
      assert.equal((await ask('same-site')).status, 403);
      assert.equal((await ask('same-origin')).status, 200);
    });
  });
}

/** Without the tidying that fetch does to addresses. */
function askRaw(address: string, method: string, path: string, token: string): Promise<number> {
  const { hostname, port } = new URL(address);
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' };
  return new Promise((resolve, reject) => {
    const sent = httpRequest({ hostname, port, method, path, headers }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.statusCode ?? 0));
    });
    sent.once('error', reject);
    sent.end(method === 'PUT' ? 'x' : undefined);
  });
}
