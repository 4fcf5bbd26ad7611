import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeUpdate, type Manifest } from '../../src/index.js';
import {
  describeUpdateTarget,
  downloadUpdate,
  familyOf,
  listAvailableUpdates,
  refreshMetadata,
  selectUpdates,
  updatePath,
} from '../../src/repository/index.js';
import { sampleUpdate } from '../sample-update.js';
import { memoryStore, NOW, SimulatedRepository } from './simulated-repository.js';

const FAMILY = 'linux-6.1';
const KERNEL = sampleUpdate().manifest.kernel;
const OTHER = { ...KERNEL, release: '6.1.0-50-amd64', buildId: 'cd'.repeat(20) };

/** A repository whose family role says of each path what `targets` gives: content, and what the metadata claims. */
async function holding(
  ...targets: { readonly path: string; readonly claims: Manifest; readonly content?: Uint8Array }[]
) {
  const repository = new SimulatedRepository();
  repository.delegate({ name: FAMILY, paths: [`${FAMILY}/*/*.splice`], terminating: true });
  for (const { path, claims, content = encodeUpdate(sampleUpdate()) } of targets) {
    const { custom } = describeUpdateTarget(FAMILY, claims, content);
    repository.add(FAMILY, path, content, custom);
  }
  repository.publish();
  const { pinned: root } = repository;
  return refreshMetadata({ source: repository.source(), store: memoryStore(), root, now: NOW });
}

const named = (id: string, change: Partial<Manifest> = {}) => ({
  path: updatePath(FAMILY, KERNEL.buildId, id),
  claims: { ...sampleUpdate().manifest, id, ...change },
});

test('the family of a kernel is its branch', () => {
  assert.equal(familyOf('6.1.0-47-amd64'), 'linux-6.1');
  assert.equal(familyOf('6.12.107+deb12-cloud-amd64'), 'linux-6.12');
  assert.equal(familyOf('6.1'), 'linux-6.1');
  assert.equal(familyOf('six'), undefined);
  assert.equal(familyOf('6.1/../x'), undefined);
});

test('a machine sees the updates of its own build, and gets them verified', async () => {
  const { manifest } = sampleUpdate();
  const other = { ...manifest, kernel: OTHER };
  const trusted = await holding(named(manifest.id), {
    path: updatePath(FAMILY, OTHER.buildId, manifest.id),
    claims: other,
  });
  const available = await listAvailableUpdates(trusted, KERNEL);
  assert.deepEqual(
    available.map(({ info }) => [info.id, info.kernel.buildId]),
    [[manifest.id, KERNEL.buildId]],
  );
  const [first] = available;
  assert.ok(first);
  const { update, archive } = await downloadUpdate(trusted, first);
  assert.deepEqual(update.manifest, manifest);
  assert.deepEqual(Buffer.from(archive), Buffer.from(encodeUpdate(sampleUpdate())));
  assert.deepEqual(await listAvailableUpdates(trusted, { ...KERNEL, buildId: 'ef'.repeat(20) }), []);
});

test('wrong target: metadata of an update for another kernel under the name of this one is refused', async () => {
  const { id } = sampleUpdate().manifest;
  const trusted = await holding(named(id, { kernel: OTHER }));
  await assert.rejects(listAvailableUpdates(trusted, KERNEL), {
    code: 'target-for-other-kernel',
    exitStatus: 4,
  });
});

test('wrong target: an update for another kernel, or another update, behind right metadata is refused', async () => {
  const { id } = sampleUpdate().manifest;
  for (const change of [
    { kernel: OTHER },
    { id: 'other_1', module: { ...sampleUpdate().manifest.module } },
  ]) {
    const content = encodeUpdate(sampleUpdate(change));
    const trusted = await holding({ ...named(id), content });
    const [available] = await listAvailableUpdates(trusted, KERNEL);
    assert.ok(available);
    await assert.rejects(downloadUpdate(trusted, available), { code: 'target-for-other-kernel' });
  }
});

test('a target that does not say what it is, or is no update, is refused', async () => {
  const repository = new SimulatedRepository();
  repository.add('targets', updatePath(FAMILY, KERNEL.buildId, 'fix_1'), Buffer.from('x'));
  repository.publish();
  const { pinned: root } = repository;
  const trusted = await refreshMetadata({
    source: repository.source(),
    store: memoryStore(),
    root,
    now: NOW,
  });
  await assert.rejects(listAvailableUpdates(trusted, KERNEL), { code: 'target-for-other-kernel' });

  const junk = await holding({ ...named('fix_1'), content: Buffer.from('junk') });
  const [available] = await listAvailableUpdates(junk, KERNEL);
  assert.ok(available);
  await assert.rejects(downloadUpdate(junk, available), { code: 'not-an-update' });
});

test('updates come behind those that they require, also in a circle', async () => {
  const trusted = await holding(
    named('a_top', { requires: ['b_mid'] }),
    named('b_mid', { requires: ['c_low'] }),
    named('c_low'),
    named('d_one', { requires: ['e_two'] }),
    named('e_two', { requires: ['d_one'] }),
  );
  const available = await listAvailableUpdates(trusted, KERNEL);
  const ids = available.map(({ info }) => info.id);
  assert.deepEqual(ids.slice(0, 3), ['c_low', 'b_mid', 'a_top']);
  assert.equal(ids.length, 5);
  assert.deepEqual(
    selectUpdates(available, ['b_mid']).map(({ info }) => info.id),
    ['c_low', 'b_mid'],
  );
  assert.throws(() => selectUpdates(available, ['absent']), { code: 'no-such-update' });
});
