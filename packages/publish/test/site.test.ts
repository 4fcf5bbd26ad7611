// From the first key to a repository that clients accept, and everything that happens to keys later.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseTimestamp } from '@resplice/update/repository';
import { Updater } from 'tuf-js';
import { listKeys, listPublished, parseValidity, readKeys, renewDocuments, revokeKey } from '../src/index.js';
import { openKey } from '../src/key/key-folder.js';
import { addSignature, encodeMetadata } from '../src/key/tuf-key.js';
import { withSiteLock } from '../src/site/site.js';
import { KERNEL, memoryStore, NOW, passphrases, sampleUpdate, Workshop } from './workshop.js';

function inWorkshop(title: string, work: (shop: Workshop) => Promise<void>): void {
  test(title, async () => {
    const shop = new Workshop();
    try {
      await work(shop);
    } finally {
      shop.remove();
    }
  });
}

const rootOf = (shop: Workshop, version: number): Uint8Array =>
  readFileSync(join(shop.site.metadata, `${version}.root.json`));

inWorkshop('a first repository is made in four steps, and a client accepts it', async (shop) => {
  await shop.begin();
  assert.deepEqual(await shop.look(rootOf(shop, 1)), ['fix_1']);
  const [listed] = await listPublished(shop.site);
  assert.equal(listed?.path, `linux-6.1/${KERNEL.buildId}/fix_1.splice`);
  assert.deepEqual(readdirSync(shop.site.draft), []);
});

inWorkshop('another TUF client reads what is published', async (shop) => {
  // Its clock cannot be set.
  shop.now = new Date();
  await shop.begin();
  const server = createServer((request, response) => {
    try {
      response.end(readFileSync(join(shop.folder, 'public', request.url ?? '')));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const state = mkdtempSync(join(tmpdir(), 'resplice-tuf-js-'));
  try {
    writeFileSync(join(state, 'root.json'), rootOf(shop, 1));
    await shop.rotate(['root', 'timestamp']);
    await shop.sign();
    await shop.publish();
    const urls = { metadataBaseUrl: `${address}/metadata`, targetBaseUrl: `${address}/targets` };
    const updater = new Updater({ metadataDir: state, targetDir: state, ...urls });
    await updater.refresh();
    const target = await updater.getTargetInfo(`linux-6.1/${KERNEL.buildId}/fix_1.splice`);
    assert.ok(target);
    assert.equal(target.custom.id, 'fix_1');
    assert.equal(readFileSync(await updater.downloadTarget(target)).length, target.length);
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(state, { recursive: true });
  }
});

inWorkshop(
  'every key is rotated, root included, and a machine that knows the first root follows',
  async (shop) => {
    await shop.begin();
    const store = memoryStore();
    const pinned = rootOf(shop, 1);
    await shop.look(pinned, store);
    for (const role of ['timestamp', 'snapshot', 'targets', 'linux-6.1', 'root']) {
      await shop.rotate([role]);
      await shop.sign();
      await shop.publish();
      assert.deepEqual(await shop.look(pinned, store), ['fix_1'], role);
      assert.deepEqual(await shop.look(pinned), ['fix_1'], `${role}, seen for the first time`);
    }
    const { keys } = await listKeys(shop.site, [shop.site.keys], NOW);
    assert.ok(keys.every(({ state }) => state === 'in use'));
    assert.equal(keys.filter(({ role }) => role === 'root').length, 3);
  },
);

inWorkshop(
  'root keys on media of their own: each signs where it is, and nothing is published before',
  async (shop) => {
    const media = ['a', 'b', 'c'].map((name) => join(shop.folder, name));
    for (const medium of media)
      await shop.make(['root'], medium === media[2] ? { threshold: 2 } : {}, [medium]);
    await shop.make(['targets', 'snapshot', 'timestamp', 'linux-6.1']);
    const [first = ''] = media;
    const [draft] = await shop.sign([first, shop.site.keys]);
    assert.equal(draft?.missing[0]?.present, 1);
    await assert.rejects(shop.publish(), {
      code: 'draft-not-signed',
      message: /1 of 2 .*resplice keys sign/,
    });
    const [signed] = await shop.sign(media.slice(1, 2));
    assert.deepEqual(signed?.missing, []);
    await shop.publish({ updates: [sampleUpdate('fix_1')] });
    assert.deepEqual(await shop.look(rootOf(shop, 1)), ['fix_1']);
  },
);

inWorkshop('a draft that lacks signatures does not hold up updates', async (shop) => {
  await shop.begin();
  await shop.rotate(['root']);
  const { notes } = await shop.publish({ updates: [sampleUpdate('fix_2')] });
  assert.match(notes.join(), /draft\/root\.json has .* it was not published/);
  assert.deepEqual(await shop.look(rootOf(shop, 1)), ['fix_1', 'fix_2']);
  assert.deepEqual(readdirSync(shop.site.draft), ['root.json']);
});

inWorkshop('a key is revoked by the name of its file, but not below the threshold', async (shop) => {
  await shop.begin();
  const { keys } = await listKeys(shop.site, [shop.site.keys], NOW);
  const rootKeys = keys.filter(({ role }) => role === 'root');
  const revoke = (id = '') => revokeKey(`root-${id.slice(0, 8)}`, shop.options());
  assert.deepEqual((await revoke(rootKeys[0]?.id)).roles, ['root']);
  await assert.rejects(revoke(rootKeys[1]?.id), { code: 'key-needed', message: /keys rotate root/ });
  await assert.rejects(revoke('00000000'), { code: 'no-such-key' });
  await shop.sign();
  await shop.publish();
  const after = await listKeys(shop.site, [shop.site.keys], NOW);
  assert.equal(after.keys.filter(({ role }) => role === 'root').length, 2);
  assert.deepEqual(await shop.look(rootOf(shop, 1)), ['fix_1']);
});

inWorkshop('an online key that is lost is replaced by a new root alone', async (shop) => {
  await shop.begin();
  const [lost = ''] = readdirSync(shop.site.keys).filter((name) => name.startsWith('timestamp-'));
  rmSync(join(shop.site.keys, lost));
  await assert.rejects(shop.publish(), { code: 'signing-key-missing', message: /--keys/ });
  await shop.rotate(['timestamp']);
  await shop.sign();
  await shop.publish();
  assert.deepEqual(await shop.look(rootOf(shop, 1)), ['fix_1']);
});

inWorkshop('a fast-forward attack with a stolen key is healed by new keys', async (shop) => {
  await shop.begin();
  const pinned = rootOf(shop, 1);
  const store = memoryStore();
  const file = join(shop.site.metadata, 'timestamp.json');
  const genuine = readFileSync(file);
  const stolen = (await readKeys([shop.site.keys])).find(({ key }) => key.name.startsWith('timestamp-'));
  assert.ok(stolen);
  const forged = parseTimestamp(genuine, file);
  Object.assign(forged, { signatures: {}, signed: Object.assign(forged.signed, { version: 2 ** 50 }) });
  addSignature(forged, await openKey(stolen, passphrases, new Set()));
  writeFileSync(file, encodeMetadata(forged));
  assert.deepEqual(await shop.look(pinned, store), ['fix_1']);
  writeFileSync(file, genuine);
  await assert.rejects(shop.look(pinned, store), { code: 'repository-rolled-back', message: /rotate/ });
  await shop.rotate(['timestamp', 'snapshot']);
  await shop.sign();
  await shop.publish({ updates: [sampleUpdate('fix_2')] });
  assert.deepEqual(await shop.look(pinned, store), ['fix_1', 'fix_2']);
});

inWorkshop(
  'killed before any file of a publication, clients see the old state or the new one',
  async (shop) => {
    await shop.begin();
    const pinned = rootOf(shop, 1);
    // The hardest case: new keys for everything together with a new update.
    await shop.rotate(['root', 'targets', 'snapshot', 'timestamp', 'linux-6.1']);
    await shop.sign();
    const request = { updates: [sampleUpdate('fix_2')] };
    const seen: string[] = [];
    for (let kill = 0, killed = true; killed; kill += 1) {
      let written = 0;
      killed = false;
      const beforeFile = (): void => {
        if (written === kill) throw new Error('killed');
        written += 1;
      };
      try {
        await shop.publish(request, { beforeFile });
      } catch (error) {
        assert.match(String(error), /killed/);
        killed = true;
      }
      seen.push((await shop.look(pinned)).join(' '));
    }
    assert.ok(seen.length > 6, `${seen.length} files`);
    assert.deepEqual([...new Set(seen)], ['fix_1', 'fix_1 fix_2']);
    assert.equal(seen.at(-1), 'fix_1 fix_2');
  },
);

inWorkshop('publishing twice changes nothing but the timestamp', async (shop) => {
  await shop.begin();
  const before = readdirSync(shop.site.metadata);
  await shop.publish({ updates: [sampleUpdate('fix_1')] });
  assert.deepEqual(readdirSync(shop.site.metadata), before);
});

inWorkshop('what has been withdrawn is not seen any more, and an id stands for one content', async (shop) => {
  await shop.begin();
  const pinned = rootOf(shop, 1);
  const other = sampleUpdate('fix_1', { description: 'another' });
  await assert.rejects(shop.publish({ updates: [other] }), { code: 'update-already-published' });
  const { withdrawn } = await shop.publish({ withdrawn: ['fix_1'] });
  assert.deepEqual(withdrawn, [`linux-6.1/${KERNEL.buildId}/fix_1.splice`]);
  assert.deepEqual(await shop.look(pinned), []);
  await assert.rejects(shop.publish({ withdrawn: ['fix_1'] }), { code: 'not-published' });
  await shop.publish({ updates: [other] });
  assert.deepEqual(await shop.look(pinned), ['fix_1']);
});

inWorkshop(
  'an update of a family without keys is refused, with the command that makes them',
  async (shop) => {
    await shop.begin();
    const kernel = { release: '6.12.107+deb12-amd64', version: '6.12.107-1', buildId: 'cd'.repeat(20) };
    const update = sampleUpdate('fix_2', { kernel: { ...kernel, architecture: 'x86_64' } });
    await assert.rejects(shop.publish({ updates: [update] }), {
      code: 'no-such-family',
      message: /keys make linux-6\.12/,
    });
    await shop.make(['linux-6.12']);
    await shop.sign();
    await shop.publish({ updates: [update] });
    assert.equal((await listPublished(shop.site)).length, 2);
  },
);

inWorkshop('a repository that is refreshed stays alive, and one that is not does not', async (shop) => {
  await shop.begin();
  const pinned = rootOf(shop, 1);
  const day = 86_400_000;
  for (let passed = 6; passed < 200; passed += 6) {
    shop.now = new Date(NOW.getTime() + passed * day);
    await shop.publish();
    assert.deepEqual(await shop.look(pinned), ['fix_1'], `after ${passed} days`);
  }
  shop.now = new Date(shop.now.getTime() + 8 * day);
  await assert.rejects(shop.look(pinned), { code: 'repository-expired' });
});

test('how long metadata is good for is said by role and days', () => {
  assert.deepEqual(parseValidity(['timestamp=30']), { family: 90, snapshot: 14, timestamp: 30 });
  for (const text of ['root=30', 'timestamp', 'timestamp=0', 'timestamp=-1', 'timestamp=1e9']) {
    assert.throws(() => parseValidity([text]), { code: 'not-a-validity' });
  }
});

inWorkshop('root and targets that come of age are announced, and renewed', async (shop) => {
  await shop.begin();
  const pinned = rootOf(shop, 1);
  shop.now = new Date(NOW.getTime() + 340 * 86_400_000);
  const { notes } = await shop.publish();
  assert.match(notes.join('\n'), /^root expires at .* keys sign --renew.*\ntargets expires at/);
  await renewDocuments(shop.options());
  await shop.sign();
  assert.deepEqual((await shop.publish()).notes, []);
  shop.now = new Date(NOW.getTime() + 400 * 86_400_000);
  await shop.publish();
  assert.deepEqual(await shop.look(pinned), ['fix_1']);
});

inWorkshop('commands on one folder wait for nobody: the second says that the first runs', async (shop) => {
  mkdirSync(shop.site.folder, { recursive: true });
  await withSiteLock(shop.site, async () => {
    await assert.rejects(shop.publish(), { code: 'another-publisher-runs' });
  });
});

inWorkshop('each step says what is missing before it', async (shop) => {
  mkdirSync(shop.site.keys, { recursive: true });
  await assert.rejects(shop.publish(), { code: 'no-repository', message: /keys make root/ });
  await assert.rejects(shop.rotate(['snapshot']), { code: 'no-keys' });
  await assert.rejects(shop.make(['linux']), { code: 'no-such-role' });
  await assert.rejects(shop.make(['root'], { threshold: 2 }), { code: 'threshold-out-of-range' });
  await shop.make(['root']);
  await assert.rejects(shop.sign(), {
    code: 'roles-without-keys',
    message: /keys make targets snapshot timestamp"/,
  });
});
