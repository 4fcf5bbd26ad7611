import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it, test } from 'node:test';
import type { Exposure } from '@resplice/protocol/console';
import { networkOf, RateLimit } from '../../src/access/rate-limit.js';
import { findExposure, findPackageVersion, findRelease } from '../../src/update/exposure.js';
import { makeFolder } from '../support/test-database.js';
import { TestRepository } from '../support/test-repository.js';
import { KERNEL, type Organisation, startTestServer, type TestServer } from '../support/test-server.js';

const UNAME_V = '#1 SMP PREEMPT_DYNAMIC Debian 6.1.170-3 (2026-05-01)';

test('what people paste is understood', () => {
  assert.equal(findPackageVersion(UNAME_V), '6.1.170-3');
  assert.equal(findPackageVersion('6.12.107-1~deb12+u1'), '6.12.107-1~deb12+u1');
  assert.equal(findPackageVersion('#1-Ubuntu SMP'), undefined);
  const all = `Linux host 6.1.0-47-amd64 ${UNAME_V} x86_64 GNU/Linux`;
  assert.equal(findRelease(all), '6.1.0-47-amd64');
  assert.equal(findRelease('6.12.107+deb12-rt-amd64'), '6.12.107+deb12-rt-amd64');
});

test('an address may ask so often and then has to wait, and others do not', () => {
  const limit = new RateLimit({ burst: 2, perMinute: 6 });
  limit.assertFree('a', 0);
  limit.assertFree('a', 0);
  assert.throws(() => limit.assertFree('a', 0), { code: 'too-many-requests', retryAfterSeconds: 10 });
  limit.assertFree('b', 0);
  limit.assertFree('a', 10_000);
  assert.throws(() => limit.assertFree('a', 10_000), { code: 'too-many-requests' });
});

test('a network of IPv6 is one address', () => {
  assert.equal(networkOf('2001:db8:1:2:3:4:5:6'), networkOf('2001:db8:1:2::1'));
  assert.notEqual(networkOf('2001:db8:1:2::1'), networkOf('2001:db8:1:3::1'));
  assert.equal(networkOf('192.0.2.1'), '192.0.2.1');
  assert.equal(networkOf('::ffff:192.0.2.1'), '::ffff:192.0.2.1');
});

test('a fix of a later release that no update brings needs a reboot, whichever release it first came with', () => {
  const catalogue = {
    version: 1,
    byBuild: new Map(),
    updates: [],
    idsByBuild: new Map(),
    byBuildAndCve: new Map(),
    rollouts: new Map(),
    defaultRings: new Map(),
  };
  const releases = [
    { from: '6.1.171-1', to: '6.1.176-1', cves: ['CVE-2026-2', 'CVE-2026-1'] },
    { from: '6.1.170-3', to: '6.1.171-1', cves: ['CVE-2026-1'] },
    { from: '6.1.169-1', to: '6.1.170-3', cves: ['CVE-2026-0'] },
    { from: '6.1.176-1', to: '6.1.170-3', cves: ['CVE-2026-3'] },
  ];
  const { reboot, latest, known } = findExposure(catalogue, releases.slice(0, 3), {
    release: KERNEL.release,
    version: UNAME_V,
  });
  assert.deepEqual(reboot, [
    { cve: 'CVE-2026-2', fixedIn: '6.1.176-1' },
    { cve: 'CVE-2026-1', fixedIn: '6.1.171-1' },
  ]);
  assert.deepEqual([latest, known], ['6.1.176-1', true]);
  // Somebody compared two releases the other way round as well.
  assert.equal(findExposure(catalogue, releases, { release: 'x', version: '6.1.170-3' }).known, true);
});

describe('the public page', () => {
  let server: TestServer;
  let own: Organisation;
  let remove: () => Promise<void>;
  const ask = (query: Record<string, string>) =>
    server.ask<Exposure>('GET', `/api/v1/public/exposure?${new URLSearchParams(query)}`);
  before(async () => {
    const made = await makeFolder();
    remove = made.remove;
    const repository = await TestRepository.make(join(made.folder, 'site'), [
      { id: 'fix_1', cves: ['CVE-2026-1111', 'CVE-2026-22222'], kernel: KERNEL },
      { id: 'fix_2', cves: ['CVE-2026-1111'], kernel: KERNEL },
      {
        id: 'other',
        cves: ['CVE-2026-9'],
        kernel: { ...KERNEL, version: '6.1.171-1', buildId: 'd'.repeat(40) },
      },
    ]);
    server = await startTestServer('embedded', undefined, { repository: repository.folder });
    own = await server.makeOrganisation('own');
  });
  after(async () => {
    await server.close();
    await remove();
  });

  it('tells anybody what the updates of their kernel are for', async () => {
    const { status, body } = await ask({ release: KERNEL.release, version: UNAME_V });
    assert.equal(status, 200);
    assert.equal(body.known, true);
    assert.deepEqual(body.live, [
      { cve: 'CVE-2026-22222', updates: ['fix_1'] },
      { cve: 'CVE-2026-1111', updates: ['fix_1', 'fix_2'] },
    ]);
    assert.equal((await ask({ release: '5.10.0-1-amd64' })).body.known, false);
    assert.equal((await ask({ release: '' })).status, 400);
  });

  it('is off when nobody here wants it', async () => {
    await server.running.service.database.run('update organisations set public_exposure = false', []);
    assert.equal((await ask({ release: KERNEL.release })).status, 404);
    const on = await server.ask('PATCH', '/api/v1/organisation', {
      as: own.sessions.admin,
      body: { publicExposure: true },
    });
    assert.equal(on.body.publicExposure, true);
    assert.equal((await ask({ release: KERNEL.release })).status, 200);
  });

  it('bears no flood', async () => {
    const statuses = [];
    for (let at = 0; at < 40; at += 1) statuses.push((await ask({ release: KERNEL.release })).status);
    assert.equal(statuses.at(-1), 429);
  });
});
