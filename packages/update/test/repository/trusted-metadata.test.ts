// The client against a repository that is bent: each attack of the specification (section 1.5.2) by itself, with its own
// error, and with nothing taken over from what was refused.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Root, Timestamp } from '@tufjs/models';
import { type MetadataStore, refreshMetadata } from '../../src/repository/index.js';
import { encode, LATER, makeKey, memoryStore, NOW, SimulatedRepository } from './simulated-repository.js';

function refresh(repository: SimulatedRepository, store: MetadataStore = memoryStore(), now = NOW) {
  return refreshMetadata({ source: repository.source(), store, root: repository.pinned, now });
}

/** What the store holds, as `role version`. */
function versions(store: ReturnType<typeof memoryStore>): readonly string[] {
  return [...store.kept]
    .map(([role, bytes]) => `${role} ${JSON.parse(Buffer.from(bytes).toString()).signed.version}`)
    .sort();
}

/** Refuses with this code, and keeps what was trusted: `kept`, or else exactly what it was. */
async function assertRefused(
  repository: SimulatedRepository,
  store: ReturnType<typeof memoryStore>,
  code: string,
  kept: readonly string[] = versions(store),
): Promise<void> {
  await assert.rejects(refresh(repository, store), (error) => {
    assert.ok(error instanceof Error && 'code' in error, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  });
  assert.deepEqual(versions(store), kept);
}

async function trusting(repository: SimulatedRepository) {
  const store = memoryStore();
  await refresh(repository, store);
  return store;
}

const FIRST = ['root 1', 'snapshot 1', 'targets 1', 'timestamp 1'];

test('takes over a repository that is signed, and asks for no file twice', async () => {
  const repository = new SimulatedRepository();
  const store = await trusting(repository);
  assert.deepEqual(versions(store), FIRST);
  assert.deepEqual(repository.requests, [
    '2.root.json',
    'timestamp.json',
    '1.snapshot.json',
    '1.targets.json',
  ]);
  repository.requests.length = 0;
  await refresh(repository, store);
  assert.deepEqual(repository.requests, ['2.root.json', 'timestamp.json']);
});

test('arbitrary content: metadata signed by somebody else is refused', async () => {
  for (const role of ['targets', 'snapshot', 'timestamp'] as const) {
    const repository = new SimulatedRepository();
    const store = await trusting(repository);
    repository.signers[role] = [makeKey()];
    repository.publish(['targets', 'snapshot', 'timestamp']);
    const kept = {
      targets: ['root 1', 'snapshot 2', 'targets 1', 'timestamp 2'],
      snapshot: ['root 1', 'snapshot 1', 'targets 1', 'timestamp 2'],
      timestamp: FIRST,
    };
    await assertRefused(repository, store, 'repository-not-signed', kept[role]);
  }
});

test('arbitrary content: bytes that are no metadata are refused', async () => {
  const cases = ['', '{', '[]', '"x"', '{"signed":{},"signatures":[]}', 'null'];
  for (const text of cases) {
    const repository = new SimulatedRepository();
    const store = await trusting(repository);
    repository.files.set('timestamp.json', Buffer.from(text));
    await assertRefused(repository, store, 'repository-malformed');
  }
});

test('metadata of another role is refused, even when its signature is right', async () => {
  const repository = new SimulatedRepository();
  const shared = [makeKey()];
  repository.rotate('timestamp', shared);
  repository.rotate('snapshot', shared);
  repository.nextRoot();
  repository.publish();
  const store = await trusting(repository);
  repository.files.set('timestamp.json', repository.files.get('1.snapshot.json') ?? Buffer.of());
  await assertRefused(repository, store, 'repository-malformed');
});

test('key compromise under the threshold: a root that one of two required keys signed is refused', async () => {
  const repository = new SimulatedRepository({ threshold: 2, rootKeys: 3 });
  const store = await trusting(repository);
  const stolen = repository.signers.root.slice(0, 1);
  const forged = Root.fromJSON({ ...repository.root.toJSON(), version: 2 });
  const thief = makeKey();
  forged.roles.timestamp?.keyIDs.splice(0);
  forged.addKey(thief.key, 'timestamp');
  repository.files.set('2.root.json', encode(forged, stolen));
  repository.signers.timestamp = [thief];
  repository.publish(['timestamp']);
  await assertRefused(repository, store, 'repository-not-signed');
});

test('one key under two names does not reach a threshold of two', async () => {
  const repository = new SimulatedRepository({ threshold: 2, rootKeys: 2 });
  const store = await trusting(repository);
  const [first] = repository.signers.root;
  assert.ok(first);
  const json = repository.root.toJSON();
  const twice = Root.fromJSON({
    ...json,
    version: 2,
    keys: { ...Object(json.keys), twin: first.key.toJSON() },
    roles: { ...Object(json.roles), root: { keyids: [first.key.keyID, 'twin'], threshold: 2 } },
  });
  repository.files.set('2.root.json', encode(twice, repository.signers.root));
  await assertRefused(repository, store, 'repository-malformed');
});

test('rollback: an older timestamp, snapshot or targets is refused', async () => {
  const older = {
    timestamp: (repository: SimulatedRepository) => {
      repository.timestamp = new Timestamp({ ...repository.timestamp, version: 1 });
      repository.publishTimestamp();
    },
    snapshot: (repository: SimulatedRepository) => {
      Object.assign(repository.snapshot, { version: 1 });
      repository.publish(['timestamp']);
    },
    targets: (repository: SimulatedRepository) => {
      Object.assign(repository.targets, { version: 1 });
      repository.publish(['snapshot', 'timestamp']);
    },
  };
  for (const [role, bend] of Object.entries(older)) {
    const repository = new SimulatedRepository();
    repository.publish(['targets', 'snapshot', 'timestamp']);
    const store = await trusting(repository);
    bend(repository);
    const second = ['root 1', 'snapshot 2', 'targets 2', 'timestamp 2'];
    // The timestamp that leads to the older targets is itself newer, and was checked before.
    const kept = role === 'targets' ? ['root 1', 'snapshot 2', 'targets 2', 'timestamp 3'] : second;
    await assertRefused(repository, store, 'repository-rolled-back', kept);
  }
});

test('rollback: a role that vanishes from the snapshot is refused', async () => {
  const repository = new SimulatedRepository();
  repository.delegate({ name: 'linux-6.1', paths: ['linux-6.1/*'] });
  repository.publish(['targets', 'snapshot', 'timestamp']);
  const store = await trusting(repository);
  repository.roles.delete('linux-6.1');
  repository.publish(['snapshot', 'timestamp']);
  const kept = ['root 1', 'snapshot 2', 'targets 2', 'timestamp 3'];
  await assertRefused(repository, store, 'repository-rolled-back', kept);
});

test('freeze: expired metadata of every role is refused, and names the clock', async () => {
  const past = '2026-11-25T11:59:59Z';
  for (const role of ['root', 'targets', 'snapshot', 'timestamp'] as const) {
    const repository = new SimulatedRepository();
    Object.assign(repository[role], { expires: past });
    if (role === 'root') repository.nextRoot();
    repository.publish();
    await assert.rejects(refresh(repository), (error) => {
      assert.ok(error instanceof Error && 'code' in error);
      assert.equal(error.code, 'repository-expired', role);
      assert.match(
        error.message,
        /expired at 2026-11-25T11:59:59Z, and this machine's clock says 2026-11-25T12:00/,
      );
      return true;
    });
  }
});

test('freeze: a repository that stands still is refused when its timestamp expires', async () => {
  const repository = new SimulatedRepository();
  const store = await trusting(repository);
  await assert.rejects(refresh(repository, store, new Date(LATER)), { code: 'repository-expired' });
});

test('a date that is none does not count as never', async () => {
  const repository = new SimulatedRepository();
  Object.assign(repository.timestamp, { expires: 'never' });
  repository.publish();
  await assert.rejects(refresh(repository), { code: 'repository-malformed' });
});

test('mix and match: files of different states of the repository are refused', async () => {
  for (const role of ['snapshot', 'targets'] as const) {
    const repository = new SimulatedRepository();
    repository.publish(['targets', 'snapshot', 'timestamp']);
    const old = repository.files.get(`2.${role}.json`) ?? Buffer.of();
    repository.publish(['targets', 'snapshot', 'timestamp']);
    repository.files.set(`3.${role}.json`, old);
    const store = memoryStore();
    const kept = role === 'snapshot' ? ['root 1', 'timestamp 3'] : ['root 1', 'snapshot 3', 'timestamp 3'];
    await assertRefused(repository, store, 'repository-inconsistent', kept);
  }
});

test('a file that is missing behind the timestamp is named', async () => {
  for (const file of ['timestamp.json', '1.snapshot.json', '1.targets.json']) {
    const repository = new SimulatedRepository();
    repository.files.delete(file);
    await assert.rejects(refresh(repository), (error) => {
      assert.ok(error instanceof Error && 'code' in error);
      assert.equal(error.code, 'repository-incomplete');
      assert.ok(error.message.includes(file), error.message);
      return true;
    });
  }
});

test('endless data: metadata longer than it may be is refused', async () => {
  const repository = new SimulatedRepository();
  const store = await trusting(repository);
  repository.files.set('timestamp.json', Buffer.alloc(20_000, 0x20));
  await assertRefused(repository, store, 'repository-data-endless');
});

test('endless data: a length that a thief of online keys signed does not lift the limit', async () => {
  const repository = new SimulatedRepository();
  const asked = new Map<string, number>();
  Object.assign(repository.timestamp.snapshotMeta, { length: 2 ** 40 });
  repository.publishTimestamp();
  const source = repository.source();
  const readMetadata: typeof source.readMetadata = (file, limit) => {
    asked.set(file, limit.bytes);
    return source.readMetadata(file, limit);
  };
  const options = { store: memoryStore(), root: repository.pinned, now: NOW };
  await assert.rejects(refreshMetadata({ ...options, source: { ...source, readMetadata } }));
  assert.equal(asked.get('1.snapshot.json'), 2_000_000);
});

test('rotation of every key is followed, root included, one root after the other', async () => {
  const repository = new SimulatedRepository({ threshold: 2, rootKeys: 3 });
  const store = await trusting(repository);
  for (const role of ['root', 'targets', 'snapshot', 'timestamp'] as const) {
    repository.rotate(role, role === 'root' ? [makeKey(), makeKey(), makeKey()] : [makeKey()]);
    repository.nextRoot();
  }
  repository.publish(['targets', 'snapshot', 'timestamp']);
  await refresh(repository, store);
  assert.deepEqual(versions(store), ['root 5', 'snapshot 2', 'targets 2', 'timestamp 2']);
});

test('a mirror follows every root from the first, forgets nothing, and is not led back', async () => {
  const repository = new SimulatedRepository();
  repository.rotate('timestamp');
  repository.nextRoot();
  repository.rotate('root');
  repository.nextRoot();
  repository.publish(['timestamp']);
  const store = memoryStore();
  const mirror = () =>
    refreshMetadata({
      source: repository.source(),
      store,
      root: repository.pinned,
      wholeChain: true,
      now: NOW,
    });
  const expected = ['root 3', 'snapshot 1', 'targets 1', 'timestamp 2'];
  for (const _ of ['first', 'again']) {
    const { roots } = await mirror();
    assert.deepEqual(
      roots.map(({ metadata }) => metadata.signed.version),
      [1, 2, 3],
    );
    assert.deepEqual(versions(store), expected);
  }
  repository.files.delete('3.root.json');
  await assert.rejects(mirror(), { code: 'repository-rolled-back' });
  assert.deepEqual(versions(store), expected);
});

test('a root is refused unless the old keys and the new ones have signed it', async () => {
  for (const whose of ['old', 'new'] as const) {
    const repository = new SimulatedRepository();
    const store = await trusting(repository);
    const old = repository.signers.root;
    const next = [makeKey()];
    repository.rotate('root', next);
    repository.signers.root = whose === 'old' ? old : next;
    repository.nextRoot();
    await assertRefused(repository, store, 'repository-not-signed');
  }
});

test('a root that skips a version, or repeats one, is refused', async () => {
  for (const [version, code] of [
    [3, 'repository-inconsistent'],
    [1, 'repository-rolled-back'],
  ] as const) {
    const repository = new SimulatedRepository();
    const store = await trusting(repository);
    const next = Root.fromJSON({ ...repository.root.toJSON(), version });
    repository.files.set('2.root.json', encode(next, repository.signers.root));
    await assertRefused(repository, store, code);
  }
});

test('fast-forward: versions that stolen keys drove up are refused back, until the keys are rotated', async () => {
  for (const role of ['timestamp', 'snapshot', 'targets'] as const) {
    const repository = new SimulatedRepository();
    Object.assign(repository[role], { version: 2 ** 52 });
    repository.publish();
    const store = await trusting(repository);
    Object.assign(repository[role], { version: 2 });
    repository.publish(role === 'targets' ? ['snapshot', 'timestamp'] : ['timestamp']);
    if (role === 'timestamp') Object.assign(repository.timestamp, { version: 2 });
    repository.publishTimestamp();
    await assert.rejects(refresh(repository, store), { code: 'repository-rolled-back' });
    // The way out that publishing.md describes.
    repository.rotate('timestamp');
    repository.rotate('snapshot');
    repository.nextRoot();
    repository.publish();
    const { timestamp, snapshot, targets } = await refresh(repository, store);
    assert.equal({ timestamp, snapshot, targets }[role].metadata.signed.version, 2);
  }
});

test('a remembered root that is damaged is told from a bad repository', async () => {
  const repository = new SimulatedRepository();
  const store = await trusting(repository);
  store.kept.set('root', Buffer.from('{}'));
  await assert.rejects(refresh(repository, store), {
    code: 'trust-state-damaged',
    message: /delete the folder/,
  });
});

test('other remembered files that are damaged are downloaded again', async () => {
  const repository = new SimulatedRepository();
  const store = await trusting(repository);
  for (const role of ['timestamp', 'snapshot', 'targets']) store.kept.set(role, Buffer.from('{}'));
  await refresh(repository, store);
  assert.deepEqual(versions(store), FIRST);
});

test('a pinned root that nobody signed is refused before anything is asked for', async () => {
  const repository = new SimulatedRepository();
  const text = Buffer.from(repository.pinned).toString().replace(LATER, '2028-11-25T12:00:00Z');
  const root = Buffer.from(text);
  const options = { source: repository.source(), store: memoryStore(), root, now: NOW };
  await assert.rejects(refreshMetadata(options), { code: 'repository-not-signed' });
  assert.deepEqual(repository.requests, []);
});
