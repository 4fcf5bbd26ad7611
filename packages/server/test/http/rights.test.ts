// Every route with every role, with nobody, and with the administrator of another organisation. The list of routes is the application's own,
// so a new route cannot be forgotten: what is allowed is computed from the table in access/rights.ts, which is written out once more here.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Need, Role } from '../../src/access/rights.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { addTestCandidate } from '../support/test-candidate.js';
import { KINDS, makeFolder } from '../support/test-database.js';
import { TestRepository } from '../support/test-repository.js';
import {
  KERNEL,
  type Organisation,
  startTestServer,
  TestMachine,
  type TestServer,
} from '../support/test-server.js';

/** Who may, by need. The second opinion on access/rights.ts. */
const ALLOWED: Readonly<Record<Need, readonly Role[]>> = {
  public: ['viewer', 'operator', 'reviewer', 'admin'],
  machine: [],
  own: ['viewer', 'operator', 'reviewer', 'admin'],
  read: ['viewer', 'operator', 'reviewer', 'admin'],
  machines: ['operator', 'admin'],
  keys: ['operator', 'admin'],
  withdraw: ['operator', 'reviewer', 'admin'],
  rollout: ['reviewer', 'admin'],
  artefacts: ['reviewer', 'admin'],
  factory: ['reviewer', 'admin'],
  review: ['reviewer', 'admin'],
  audit: ['reviewer', 'admin'],
  settings: ['admin'],
  users: ['admin'],
};

/** The need of each route, written by hand. */
const NEEDS: Readonly<Record<string, Need>> = {
  'GET /api/v1/health': 'public',
  'GET /api/v1/openapi.json': 'public',
  'GET /metrics': 'read',
  'POST /api/v1/machines': 'machine',
  'POST /api/v1/check-in': 'machine',
  'POST /api/v1/session': 'public',
  'DELETE /api/v1/session': 'own',
  'GET /api/v1/me': 'read',
  'POST /api/v1/me/password': 'own',
  'POST /api/v1/me/one-time-codes': 'own',
  'POST /api/v1/me/one-time-codes/confirm': 'own',
  'POST /api/v1/me/one-time-codes/end': 'own',
  'GET /api/v1/users': 'users',
  'POST /api/v1/users': 'users',
  'PATCH /api/v1/users/:id': 'users',
  'DELETE /api/v1/users/:id': 'users',
  'GET /api/v1/tokens': 'own',
  'POST /api/v1/tokens': 'own',
  'DELETE /api/v1/tokens/:id': 'own',
  'GET /api/v1/organisation': 'read',
  'PATCH /api/v1/organisation': 'settings',
  'GET /api/v1/audit': 'audit',
  'GET /api/v1/access-keys': 'keys',
  'POST /api/v1/access-keys': 'keys',
  'POST /api/v1/access-keys/:id/revoke': 'keys',
  'GET /api/v1/groups': 'read',
  'POST /api/v1/groups': 'machines',
  'PATCH /api/v1/groups/:id': 'machines',
  'DELETE /api/v1/groups/:id': 'machines',
  'GET /api/v1/machines': 'read',
  'GET /api/v1/machines/:id': 'read',
  'PATCH /api/v1/machines/:id': 'machines',
  'POST /api/v1/machines/change': 'machines',
  'DELETE /api/v1/machines/:id': 'machines',
  'GET /api/v1/updates': 'read',
  'POST /api/v1/updates/:id/release': 'rollout',
  'POST /api/v1/updates/:id/withdraw': 'withdraw',
  'POST /api/v1/updates/:id/restore': 'rollout',
  'GET /api/v1/fleet': 'read',
  'GET /api/v1/rollouts': 'read',
  'POST /api/v1/rollouts': 'rollout',
  'GET /api/v1/rollouts/:id': 'read',
  'POST /api/v1/rollouts/:id/halt': 'withdraw',
  'POST /api/v1/rollouts/:id/resume': 'rollout',
  'POST /api/v1/rollouts/:id/next': 'rollout',
  'POST /api/v1/rollouts/:id/withdraw': 'withdraw',
  'GET /api/v1/rollout-plans': 'read',
  'PUT /api/v1/rollout-plans/:name': 'rollout',
  'DELETE /api/v1/rollout-plans/:name': 'rollout',
  'GET /api/v1/fleet/history': 'read',
  'GET /api/v1/events': 'read',
  'GET /api/v1/public/exposure': 'public',
  'GET /api/v1/cves': 'read',
  'GET /api/v1/webhooks': 'settings',
  'POST /api/v1/webhooks': 'settings',
  'DELETE /api/v1/webhooks/:id': 'settings',
  'GET /api/v1/artefacts': 'read',
  'GET /api/v1/artefacts/*': 'read',
  'PUT /api/v1/artefacts/*': 'artefacts',
  'DELETE /api/v1/artefacts/*': 'artefacts',
  'GET /api/v1/factory/watches': 'read',
  'POST /api/v1/factory/watches': 'factory',
  'DELETE /api/v1/factory/watches/:id': 'factory',
  'POST /api/v1/factory/watches/:id/check': 'factory',
  'GET /api/v1/factory/releases': 'read',
  'POST /api/v1/factory/releases': 'factory',
  'GET /api/v1/factory/releases/:id': 'read',
  'GET /api/v1/factory/candidates': 'read',
  'GET /api/v1/factory/candidates/:id': 'read',
  'POST /api/v1/factory/candidates/:id/approve': 'review',
  'POST /api/v1/factory/candidates/:id/send-back': 'review',
  'POST /api/v1/factory/candidates/:id/refuse': 'review',
  'PUT /api/v1/factory/candidates/:id/custom-code': 'review',
  'PUT /api/v1/factory/candidates/:id/probe': 'review',
  'POST /api/v1/factory/candidates/:id/withdraw': 'review',
  'POST /api/v1/factory/candidates/:id/retry': 'factory',
  'POST /api/v1/factory/candidates/:id/cancel': 'factory',
  'GET /api/v1/factory/jobs': 'read',
  'GET /api/v1/factory/jobs/:id/log': 'read',
  'GET /api/v1/factory/workers': 'read',
  'POST /api/v1/factory/priorities': 'factory',
  'GET /api/v1/factory/cumulatives': 'read',
  'POST /api/v1/factory/publish': 'review',
  'GET /api/1/machines': 'read',
  'GET /api/1/machine/:uuid/describe': 'read',
  'POST /api/1/machine/:uuid/authorize': 'machines',
  'POST /api/1/machine/:uuid/group': 'machines',
};

const ROLES: readonly Role[] = ['viewer', 'operator', 'reviewer', 'admin'];

let cluster: Cluster;
before(async () => {
  cluster = await startCluster();
});
after(() => cluster.stop());

for (const kind of KINDS) {
  describe(`rights, ${kind}`, () => {
    let server: TestServer;
    let own: Organisation;
    let other: Organisation;
    /** What the organisation has, by the route that would show or change it. */
    const things = {
      ...{ machine: '', key: '', group: '', user: '', token: '', webhook: '' },
      ...{ watch: '', release: '', candidate: '', job: '', rollout: '' },
    };
    let remove: () => Promise<void>;

    before(async () => {
      const made = await makeFolder();
      remove = made.remove;
      const update = { id: 'fix_1', cves: ['CVE-2026-1111'], kernel: KERNEL };
      const repository = await TestRepository.make(join(made.folder, 'site'), [update]);
      server = await startTestServer(kind, cluster, { repository: repository.folder });
      own = await server.makeOrganisation('own');
      other = await server.makeOrganisation('other');
      const machine = new TestMachine(server, { hostname: 'secret-host' });
      await machine.register(own.key);
      things.machine = machine.id;
      const make = async (path: string, body: unknown): Promise<string> => {
        const answer = await server.ask<{ id: string }>('POST', path, { as: own.sessions.admin, body });
        assert.equal(answer.status, 200, JSON.stringify(answer.body));
        return answer.body.id;
      };
      things.group = await make('/api/v1/groups', { name: 'secret-group' });
      things.key = await make('/api/v1/access-keys', { name: 'secret-key' });
      things.token = await make('/api/v1/tokens', { name: 'secret-token', scopes: ['read'] });
      things.user = await make('/api/v1/users', {
        name: 'secret-user',
        role: 'viewer',
        password: 'a long password',
      });
      things.webhook = await make('/api/v1/webhooks', {
        url: 'http://secret.example/',
        events: ['update.withdrawn'],
      });
      const plan = { rings: [{ name: 'secret-ring', percent: 100 }] };
      const planned = await server.ask('PUT', '/api/v1/rollout-plans/secret-plan', {
        as: own.sessions.admin,
        body: plan,
      });
      assert.equal(planned.status, 200, JSON.stringify(planned.body));
      things.rollout = await make('/api/v1/rollouts', {
        name: 'secret-rollout',
        updates: ['fix_1'],
        plan: 'secret-plan',
      });
      things.watch = await make('/api/v1/factory/watches', { branch: 'secret' });
      things.release = await make('/api/v1/factory/releases', {
        title: 'secret',
        kernels: [KERNEL.release],
        patches: [{ name: 'secret.patch', text: 'secret' }],
      });
      things.candidate = await addTestCandidate(server, things.release);
      const { jobs } = (
        await server.ask<{ jobs: { id: string }[] }>('GET', '/api/v1/factory/jobs', {
          as: own.sessions.viewer,
        })
      ).body;
      things.job = jobs[0]?.id ?? '';
      const put = await server.ask('PUT', '/api/v1/artefacts/secret/file', {
        as: own.sessions.admin,
        raw: 'content',
        headers: { 'content-type': 'application/octet-stream' },
      });
      assert.equal(put.status, 200);
    });
    after(async () => {
      await server.close();
      await remove();
    });

    const fill = (path: string): string =>
      path
        .replace('/machines/:id', `/machines/${things.machine}`)
        .replace(':uuid', things.machine)
        .replace('/groups/:id', `/groups/${things.group}`)
        .replace('/access-keys/:id', `/access-keys/${things.key}`)
        .replace('/tokens/:id', `/tokens/${things.token}`)
        .replace('/users/:id', `/users/${things.user}`)
        .replace('/webhooks/:id', `/webhooks/${things.webhook}`)
        // Of no known topic, so that the answer has an end.
        .replace('/events', '/events?topics=none')
        .replace('/rollouts/:id', `/rollouts/${things.rollout}`)
        .replace('/rollout-plans/:name', '/rollout-plans/secret-plan')
        .replace('/updates/:id', '/updates/fix_1')
        .replace('/watches/:id', `/watches/${things.watch}`)
        .replace('/releases/:id', `/releases/${things.release}`)
        .replace('/candidates/:id', `/candidates/${things.candidate}`)
        .replace('/jobs/:id', `/jobs/${things.job}`)
        .replace('/artefacts/*', '/artefacts/secret/file');
    /** A body that no schema takes, so that a caller who is let through changes nothing: 400 means allowed. */
    const probe = (method: string, path: string, as: string | undefined) =>
      server.ask(method, fill(path), { as, ...(method === 'GET' ? {} : { raw: '[' }) });

    it('are asked of every route that exists', () => {
      const routes = server.running.app
        .printRoutes({ commonPrefix: false, includeHooks: false })
        .split('\n')
        .flatMap((line) => {
          const found = /(\/\S*|\*) \((.*)\)/.exec(line);
          return found === null ? [] : [found[2] ?? ''];
        })
        .flatMap((methods) => methods.split(', '))
        .filter((method) => method !== 'HEAD' && method !== 'OPTIONS');
      const repository = 1;
      assert.equal(routes.length, Object.keys(NEEDS).length + repository);
    });

    it('are known for every route that the OpenAPI document describes', async () => {
      const { body } = await server.ask<{ paths: Record<string, Record<string, unknown>> }>(
        'GET',
        '/api/v1/openapi.json',
      );
      const described = Object.entries(body.paths).flatMap(([path, methods]) =>
        Object.keys(methods).map(
          (method) =>
            `${method.toUpperCase()} ${path.replace(/\{(\w+|\*)\}/g, (_, name) => (name === '*' ? '*' : `:${name}`))}`,
        ),
      );
      const expected = Object.keys(NEEDS).filter((route) => route !== 'GET /api/v1/openapi.json');
      assert.deepEqual(described.sort(), expected.sort());
    });

    for (const role of ROLES) {
      it(`are as the table says for a ${role}`, async () => {
        // Logging out is last: it ends the session that the others need.
        for (const [route, need] of Object.entries(NEEDS)) {
          if (need === 'public' || need === 'machine' || route === 'DELETE /api/v1/session') continue;
          const [method = '', path = ''] = route.split(' ');
          const { status, body } = await probe(method, path, own.sessions[role]);
          const allowed = ALLOWED[need].includes(role);
          const expected = allowed ? [200, 400] : [403];
          assert.ok(expected.includes(status), `${route} as ${role}: ${status} ${JSON.stringify(body)}`);
        }
      });
    }

    it('are none for nobody, for a wrong token and for a machine', async () => {
      const machine = new TestMachine(server);
      await machine.register(own.key);
      for (const [route, need] of Object.entries(NEEDS)) {
        if (need === 'public' || need === 'machine') continue;
        const [method = '', path = ''] = route.split(' ');
        for (const as of [undefined, 'rsa_wrongwrongwrongwrongwrongwrong', 'x', machine.token]) {
          const { status } = await probe(method, path, as);
          assert.equal(status, 401, `${route} as ${as}`);
        }
      }
    });

    it('never reach another organisation', async () => {
      const bodies: Readonly<Record<string, unknown>> = {
        'PATCH /api/v1/users/:id': { disabled: true },
        'POST /api/v1/access-keys/:id/revoke': { denyMachines: true },
        'PATCH /api/v1/groups/:id': { ring: 0 },
        'PATCH /api/v1/machines/:id': { hidden: true },
        'POST /api/v1/machines/change': { machines: [things.machine], change: { state: 'denied' } },
        'POST /api/v1/rollouts/:id/halt': { why: 'mine' },
        'POST /api/v1/rollouts/:id/resume': {},
        'POST /api/v1/rollouts/:id/next': {},
        'POST /api/v1/rollouts/:id/withdraw': { why: 'mine' },
        'POST /api/v1/factory/watches/:id/check': {},
        'POST /api/v1/factory/candidates/:id/approve': { sha256: '0'.repeat(64) },
        'POST /api/v1/factory/candidates/:id/refuse': { words: 'mine' },
        'POST /api/v1/factory/candidates/:id/send-back': { words: 'mine' },
        'POST /api/v1/factory/candidates/:id/withdraw': { words: 'mine' },
        'POST /api/v1/factory/candidates/:id/retry': {},
        'POST /api/v1/factory/candidates/:id/cancel': {},
        'PUT /api/v1/factory/candidates/:id/custom-code': { patch: null },
        'PUT /api/v1/factory/candidates/:id/probe': { script: null },
        'POST /api/1/machine/:uuid/authorize': { authorized: false },
        'POST /api/1/machine/:uuid/group': { group_name: 'stolen' },
      };
      const as = other.sessions.admin;
      for (const [route, need] of Object.entries(NEEDS)) {
        if (need === 'public' || need === 'machine' || need === 'own') continue;
        const [method = '', path = ''] = route.split(' ');
        const body = bodies[route];
        // Has no end; test/live/events.test.ts is about it.
        if (path === '/api/v1/events') continue;
        if (method === 'GET') {
          const { status, body: answer } = await server.ask(method, fill(path), { as });
          const names = path.includes(':') || path.includes('*');
          assert.equal(status, names ? 404 : 200, route);
          assert.doesNotMatch(JSON.stringify(answer), /secret|own-/, route);
        } else if (body !== undefined || (method === 'DELETE' && path !== '/api/v1/artefacts/*')) {
          const { status } = await server.ask(method, fill(path), {
            as,
            ...(body === undefined ? {} : { body }),
          });
          assert.equal(status, 404, route);
        }
      }
      // An artefact's name is looked up among the caller's own, so removing it removes nothing.
      await server.ask('DELETE', '/api/v1/artefacts/secret/file', { as });
      await server.ask('POST', '/api/v1/updates/fix_1/withdraw', { as, body: { reason: 'mine' } });
      const kept = await server.ask('GET', '/api/v1/artefacts/secret/file', { as: own.sessions.viewer });
      assert.equal(kept.status, 200);
      const mine = await server.ask<{ hidden: boolean; state: string; desired: { remove: string[] } }>(
        'GET',
        `/api/v1/machines/${things.machine}`,
        { as: own.sessions.viewer },
      );
      assert.deepEqual([mine.body.hidden, mine.body.state, mine.body.desired.remove], [false, 'active', []]);
      const tokens = await server.ask<{ tokens: { name: string }[] }>('GET', '/api/v1/tokens', { as });
      assert.doesNotMatch(JSON.stringify(tokens.body), /secret/);
      const revoked = await server.ask('DELETE', `/api/v1/tokens/${things.token}`, { as });
      assert.equal(revoked.status, 404);
    });

    it('of a token are those of its user that it was given, and end when it is revoked or the user is disabled', async () => {
      const as = own.sessions.operator;
      const beyond = await server.ask('POST', '/api/v1/tokens', {
        as,
        body: { name: 'x', scopes: ['users'] },
      });
      assert.equal(beyond.status, 403);
      const make = async (scopes: readonly string[]) =>
        (
          await server.ask<{ id: string; token: string }>('POST', '/api/v1/tokens', {
            as,
            body: { name: 'x', scopes },
          })
        ).body;
      const reader = await make(['read']);
      const ask = (path: string, token: string, method = 'GET') => probe(method, path, token);
      assert.equal((await ask('/api/v1/machines', reader.token)).status, 200);
      assert.equal((await ask('/api/v1/machines/:id', reader.token, 'PATCH')).status, 403);
      assert.equal((await ask('/api/v1/tokens', reader.token)).status, 403);
      assert.equal((await server.ask('DELETE', `/api/v1/tokens/${reader.id}`, { as })).status, 200);
      assert.equal((await ask('/api/v1/machines', reader.token)).status, 401);

      const second = await make(['read', 'machines']);
      const { users } = (
        await server.ask<{ users: { id: string; name: string }[] }>('GET', '/api/v1/users', {
          as: own.sessions.admin,
        })
      ).body;
      const operator = users.find(({ name }) => name === 'own-operator')?.id;
      const disabled = await server.ask('PATCH', `/api/v1/users/${operator}`, {
        as: own.sessions.admin,
        body: { disabled: true },
      });
      assert.equal(disabled.status, 200);
      assert.equal((await ask('/api/v1/machines', second.token)).status, 401);
      assert.equal((await ask('/api/v1/machines', as)).status, 401);
    });

    it('of the last administrator cannot be taken away', async () => {
      const as = own.sessions.admin;
      const { users } = (
        await server.ask<{ users: { id: string; role: string }[] }>('GET', '/api/v1/users', { as })
      ).body;
      const last = users.find(({ role }) => role === 'admin')?.id;
      assert.equal(
        (await server.ask('PATCH', `/api/v1/users/${last}`, { as, body: { role: 'viewer' } })).status,
        409,
      );
      assert.equal((await server.ask('DELETE', `/api/v1/users/${last}`, { as })).status, 409);
      assert.equal((await server.ask('GET', '/api/v1/me', { as })).status, 200);
    });

    it('are used under the name of the user, in the audit log', async () => {
      const as = own.sessions.admin;
      await server.ask('PATCH', '/api/v1/organisation', { as, body: { checkInSeconds: 600 } });
      const { entries } = (
        await server.ask<{ entries: { actor: string; action: string }[] }>('GET', '/api/v1/audit', {
          as: own.sessions.reviewer,
        })
      ).body;
      assert.deepEqual([entries[0]?.actor, entries[0]?.action], ['user own-admin', 'organisation.change']);
      assert.ok(entries.some(({ action }) => action === 'access-key.make'));
    });

    it('end with the session', async () => {
      const as = own.sessions.viewer;
      assert.equal((await server.ask('DELETE', '/api/v1/session', { as })).status, 200);
      assert.equal((await server.ask('GET', '/api/v1/me', { as })).status, 401);
    });
  });
}
