// Decisions about candidates over HTTP, on both databases: who may approve what, how often, and what an approval is bound to. The worker's part
// is played by the same functions that workers call.

import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { CandidateDetail, CandidatePage, JobList } from '@resplice/protocol/factory';
import { eq } from 'drizzle-orm';
import { keepArtefact } from '../../src/factory/artefact-name.js';
import { lockCandidate, moveCandidate } from '../../src/factory/candidate-change.js';
import type { CandidateEvent } from '../../src/factory/candidate-state.js';
import { openReview } from '../../src/factory/review.js';
import { factoryCandidates, factoryJobs, factoryTests } from '../../src/factory/tables.js';
import { type Cluster, startCluster } from '../support/cluster.js';
import { addTestCandidate } from '../support/test-candidate.js';
import { KINDS } from '../support/test-database.js';
import { type Organisation, startTestServer, type TestServer } from '../support/test-server.js';

let cluster: Cluster;
before(async () => {
  cluster = await startCluster();
});
after(() => cluster.stop());

for (const kind of KINDS) {
  describe(`decisions of the factory, ${kind}`, () => {
    let server: TestServer;
    let own: Organisation;
    let release = '';
    let id = '';
    let count = 0;
    const orm = () => server.running.service.database.orm;

    before(async () => {
      server = await startTestServer(kind, cluster);
      own = await server.makeOrganisation('own');
      const made = await server.ask<{ id: string }>('POST', '/api/v1/factory/releases', {
        as: own.sessions.admin,
        body: { from: '6.1.170-3', to: '6.1.176-1' },
      });
      release = made.body.id;
    });
    after(() => server.close());
    beforeEach(async () => {
      await server.ask('PATCH', '/api/v1/organisation', { as: own.sessions.admin, body: { approvals: 1 } });
      count += 1;
      id = await addTestCandidate(server, release, `unit-${count}`);
    });

    const show = async (): Promise<CandidateDetail> =>
      (
        await server.ask<CandidateDetail>('GET', `/api/v1/factory/candidates/${id}`, {
          as: own.sessions.viewer,
        })
      ).body;
    const decide = async (role: 'reviewer' | 'admin', action: string, body: unknown): Promise<number> =>
      (
        await server.ask('POST', `/api/v1/factory/candidates/${id}/${action}`, {
          as: own.sessions[role],
          body,
        })
      ).status;
    /** As a worker does it. */
    const work = async (events: readonly CandidateEvent[], set = {}): Promise<void> => {
      await orm().transaction(async (transaction) => {
        for (const event of events) {
          const candidate = await lockCandidate(transaction, id);
          await moveCandidate(transaction, candidate, { event, who: 'worker test', set });
        }
      });
    };
    const bringToReview = async (sha256: string): Promise<string> => {
      const update = { updateId: 'fix_1', updateSha256: sha256, updateLength: 10, engine: 'trampoline' };
      await work(['begin-conversion', 'found-automatic', 'begin-test', 'passed'], update);
      await orm().transaction(async (transaction) => {
        await transaction
          .insert(factoryTests)
          .values({ candidateId: id, ok: true, beside: [], probe: [], updateSha256: sha256, log: 'log' });
        const candidate = await lockCandidate(transaction, id);
        await openReview(transaction, server.running.service.artefacts, candidate, 'worker test');
      });
      return (await show()).reviewSha256 ?? '';
    };

    it('approve what has the hash that was looked at, and keep all of it', async () => {
      const sha256 = await bringToReview('a'.repeat(64));
      assert.equal(await decide('reviewer', 'approve', { sha256: 'b'.repeat(64) }), 409);
      assert.equal((await show()).state, 'in-review');
      assert.equal(await decide('reviewer', 'approve', { sha256, words: 'fine' }), 200);
      const { state, reviews, history } = await show();
      assert.equal(state, 'approved');
      assert.deepEqual(
        reviews.map(({ who, decision, words, counts }) => [who, decision, words, counts]),
        [['user own-reviewer', 'approve', 'fine', true]],
      );
      assert.equal(history.at(-1)?.to, 'approved');
      const kept = await server.ask<string>('GET', `/api/v1/artefacts/factory/review/${sha256}.json`, {
        as: own.sessions.viewer,
      });
      assert.equal(JSON.parse(kept.body).update.sha256, 'a'.repeat(64));
    });

    it('take two people when the organisation says so, and not the same one twice', async () => {
      await server.ask('PATCH', '/api/v1/organisation', { as: own.sessions.admin, body: { approvals: 2 } });
      const sha256 = await bringToReview('a'.repeat(64));
      assert.equal(await decide('reviewer', 'approve', { sha256 }), 200);
      assert.equal(await decide('reviewer', 'approve', { sha256 }), 409);
      const token = await server.ask<{ token: string }>('POST', '/api/v1/tokens', {
        as: own.sessions.reviewer,
        body: { name: 'script', scopes: ['review'] },
      });
      const again = await server.ask('POST', `/api/v1/factory/candidates/${id}/approve`, {
        as: token.body.token,
        body: { sha256 },
      });
      assert.equal(again.status, 409, 'a token is its user');
      assert.equal((await show()).approvals, 1);
      assert.equal((await show()).state, 'in-review');
      assert.equal(await decide('admin', 'approve', { sha256 }), 200);
      assert.equal((await show()).state, 'approved');
    });

    it('count no approval of what was made anew since', async () => {
      await server.ask('PATCH', '/api/v1/organisation', { as: own.sessions.admin, body: { approvals: 2 } });
      const old = await bringToReview('a'.repeat(64));
      assert.equal(await decide('reviewer', 'approve', { sha256: old }), 200);
      const code = { patch: '--- a/net/core/sock.c\n+++ b/net/core/sock.c\n@@ -1 +1 @@\n-a\n+b\n' };
      const pushed = await server.ask('PUT', `/api/v1/factory/candidates/${id}/custom-code`, {
        as: own.sessions.reviewer,
        body: code,
      });
      assert.equal(pushed.status, 200);
      assert.equal((await show()).state, 'new');
      const fresh = await bringToReview('c'.repeat(64));
      assert.notEqual(fresh, old);
      const { approvals, reviews } = await show();
      assert.deepEqual([approvals, reviews.map(({ counts }) => counts)], [0, [false]]);
      assert.equal(await decide('admin', 'approve', { sha256: old }), 409);
      assert.equal(await decide('admin', 'approve', { sha256: fresh }), 200);
      assert.equal((await show()).state, 'in-review');
    });

    it('send back and refuse with words, and only what is to be decided', async () => {
      assert.equal(await decide('reviewer', 'send-back', { words: 'too early' }), 409);
      assert.equal(await decide('reviewer', 'refuse', {}), 400);
      await bringToReview('a'.repeat(64));
      assert.equal(await decide('reviewer', 'send-back', { words: 'the lock is missing' }), 200);
      assert.equal((await show()).state, 'needs-code');
      assert.equal(await decide('reviewer', 'refuse', { words: 'not worth it' }), 200);
      const { state, history, actions } = await show();
      assert.deepEqual([state, history.at(-1)?.why], ['refused', 'not worth it']);
      assert.ok(actions.includes('retry') && !actions.includes('approve'));
    });

    it('tell who pushed what is no patch', async () => {
      const pushed = await server.ask('PUT', `/api/v1/factory/candidates/${id}/custom-code`, {
        as: own.sessions.reviewer,
        body: { patch: 'int fixed = 1;' },
      });
      assert.equal(pushed.status, 400);
      assert.match(JSON.stringify(pushed.body), /patch on top of the unit/);
    });

    it('stop the work with its jobs, and begin it anew', async () => {
      const jobs = async () =>
        (
          await server.ask<JobList>('GET', `/api/v1/factory/jobs?candidate=${id}`, {
            as: own.sessions.viewer,
          })
        ).body.jobs.map(({ state }) => state);
      assert.deepEqual(await jobs(), ['waiting']);
      assert.equal(await decide('reviewer', 'cancel', {}), 200);
      assert.deepEqual([(await show()).state, await jobs()], ['cancelled', ['cancelled']]);
      assert.equal(await decide('reviewer', 'retry', {}), 200);
      const after = (await jobs()).sort();
      assert.deepEqual([(await show()).state, after], ['new', ['cancelled', 'waiting']]);
    });

    it('publish only when there is something new', async () => {
      const publish = () =>
        server.ask('POST', '/api/v1/factory/publish', { as: own.sessions.reviewer, body: {} });
      await orm().update(factoryCandidates).set({ state: 'refused' });
      assert.equal((await publish()).status, 409);
      await orm().update(factoryCandidates).set({ state: 'new' }).where(eq(factoryCandidates.id, id));
      const sha256 = await bringToReview('a'.repeat(64));
      await decide('reviewer', 'approve', { sha256 });
      assert.deepEqual((await publish()).body, { kernels: ['6.1.0-47-amd64=6.1.170-3'] });
    });

    it('move units with exploited and severe CVEs forward when data about them is imported', async () => {
      const bring = async (text: string) =>
        (
          await server.ask<{ imported: number; moved: number }>('POST', '/api/v1/factory/priorities', {
            as: own.sessions.reviewer,
            body: { text },
          })
        ).body;
      const first = async () =>
        (
          await server.ask<CandidatePage>('GET', '/api/v1/factory/candidates?limit=1', {
            as: own.sessions.viewer,
          })
        ).body.candidates[0];
      assert.equal(
        (await bring('cve,severity,exploited\nCVE-2026-1111,high,no\nCVE-2026-9999,low,no')).imported,
        2,
      );
      assert.deepEqual([(await first())?.severity, (await first())?.priority], ['high', 300]);
      await bring(JSON.stringify({ vulnerabilities: [{ cveID: 'CVE-2026-1111' }] }));
      assert.deepEqual([(await first())?.exploited, (await first())?.priority], [true, 1300]);
      const metrics = { cvssMetricV31: [{ cvssData: { baseSeverity: 'CRITICAL' } }] };
      await bring(JSON.stringify({ vulnerabilities: [{ cve: { id: 'CVE-2026-1111', metrics } }] }));
      assert.equal((await first())?.priority, 1400);
      const [job] = await orm().select().from(factoryJobs).where(eq(factoryJobs.candidateId, id));
      assert.equal(job?.priority, 1400);
      const wrong = await server.ask('POST', '/api/v1/factory/priorities', {
        as: own.sessions.reviewer,
        body: { text: 'hello' },
      });
      assert.equal(wrong.status, 400);
    });

    it('find candidates by state, CVE, kernel and text, page by page', async () => {
      const list = async (query: string) =>
        (
          await server.ask<CandidatePage>('GET', `/api/v1/factory/candidates?${query}`, {
            as: own.sessions.viewer,
          })
        ).body;
      assert.equal((await list('cve=cve-2026-1111')).total, count);
      assert.equal((await list('cve=CVE-2026-2222')).total, 0);
      assert.equal((await list(`q=unit-${count}&state=new,converting`)).total, 1);
      assert.equal((await list('kernel=6.1.0-47-amd64')).total, count);
      const seen = new Set<string>();
      for (let after = ''; ; ) {
        const page = await list(`limit=2${after}`);
        for (const each of page.candidates) seen.add(each.id);
        if (page.next === null) break;
        after = `&after=${page.next}`;
      }
      assert.equal(seen.size, count);
    });

    it('cover the same change to the same kernel that another release brings', async () => {
      const name = `unit-${count}`;
      const sha256 = await bringToReview('a'.repeat(64));
      await decide('reviewer', 'approve', { sha256 });
      const later = await server.ask<{ id: string }>('POST', '/api/v1/factory/releases', {
        as: own.sessions.admin,
        body: { from: '6.1.170-3', to: '6.1.187-1' },
      });
      const same = await addTestCandidate(server, later.body.id, name);
      const [row] = await orm().select().from(factoryCandidates).where(eq(factoryCandidates.id, same));
      assert.equal(row?.state, 'covered');
    });

    it('show what a worker found out', async () => {
      const { organisationId } = (
        await orm().select().from(factoryCandidates).where(eq(factoryCandidates.id, id))
      )[0] as { organisationId: string };
      const detail = {
        ...{ types: [], sections: [], added: [], statements: [], skeleton: null },
        functions: [
          {
            ...{
              name: 'sock_wfree',
              object: 'vmlinux',
              source: 'net/core/sock.c',
              why: 'the patch changes it',
            },
            ...{ before: [{ offset: 0, text: 'ret' }], after: [], firstDifference: null },
          },
        ],
      };
      const { artefacts } = server.running.service;
      const detailSha256 = await keepArtefact(artefacts, organisationId, 'detail', JSON.stringify(detail));
      await work(['begin-conversion', 'found-automatic'], { detailSha256 });
      assert.deepEqual((await show()).detail, detail);
    });
  });
}
