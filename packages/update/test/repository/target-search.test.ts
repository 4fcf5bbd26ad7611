import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Targets } from '@tufjs/models';
import {
  downloadTarget,
  findTarget,
  listRoles,
  listTargets,
  parseTargets,
  refreshMetadata,
} from '../../src/repository/index.js';
import {
  type Delegation,
  LATER,
  makeKey,
  memoryStore,
  NOW,
  SimulatedRepository,
} from './simulated-repository.js';

const CONTENT = Buffer.from('the update');

function refresh(repository: SimulatedRepository) {
  const { pinned: root } = repository;
  return refreshMetadata({ source: repository.source(), store: memoryStore(), root, now: NOW });
}

function delegating(...delegations: Delegation[]): SimulatedRepository {
  const repository = new SimulatedRepository();
  repository.delegate(...delegations);
  return repository;
}

test('a target is found in the role that its path is delegated to', async () => {
  const repository = delegating(
    { name: 'linux-6.1', paths: ['linux-6.1/*/*'] },
    { name: 'other', paths: ['other/*'] },
  );
  repository.add('linux-6.1', 'linux-6.1/ab/fix.splice', CONTENT);
  repository.publish();
  const trusted = await refresh(repository);
  const found = await findTarget(trusted, 'linux-6.1/ab/fix.splice');
  assert.equal(found?.role, 'linux-6.1');
  assert.deepEqual(await downloadTarget(trusted, found.target), CONTENT);
  assert.ok(!repository.requests.includes('1.other.json'), 'a role that may not speak for it is not asked');
});

test('a role that names a target outside of its delegation is not heard', async () => {
  const repository = delegating({ name: 'linux-6.1', paths: ['linux-6.1/*/*'] });
  repository.add('linux-6.1', 'linux-6.12/ab/fix.splice', CONTENT);
  repository.publish();
  const trusted = await refresh(repository);
  assert.equal(await findTarget(trusted, 'linux-6.12/ab/fix.splice'), undefined);
  assert.deepEqual(await listTargets(trusted, 'linux-6.12/ab/sample'), []);
});

test('a list holds only what each delegation covers', async () => {
  const repository = delegating({ name: 'a', paths: ['x/*.splice'] });
  repository.add('a', 'x/fix.splice', CONTENT);
  repository.add('a', 'x/fix.other', CONTENT);
  repository.publish();
  const found = await listTargets(await refresh(repository), 'x/sample.splice');
  assert.deepEqual(
    found.map(({ target }) => target.path),
    ['x/fix.splice'],
  );
});

test('the first role that names a target decides, and a terminating one ends the search', async () => {
  const repository = delegating({ name: 'a', paths: ['x'] }, { name: 'b', paths: ['x', 'y'] });
  repository.add('a', 'x', Buffer.from('of a'));
  repository.add('b', 'x', Buffer.from('of b'));
  repository.add('b', 'y', Buffer.from('of b'));
  repository.publish();
  const trusted = await refresh(repository);
  assert.equal((await findTarget(trusted, 'x'))?.role, 'a');
  assert.equal((await findTarget(trusted, 'y'))?.role, 'b');

  const ended = delegating({ name: 'a', paths: ['*'], terminating: true }, { name: 'b', paths: ['*'] });
  ended.add('b', 'y', CONTENT);
  ended.publish();
  assert.equal(await findTarget(await refresh(ended), 'y'), undefined);
});

test('a role that its delegation does not vouch for is refused', async () => {
  const repository = delegating({ name: 'linux-6.1', paths: ['*'] });
  repository.roleSigners.set('linux-6.1', []);
  repository.publish();
  await assert.rejects(findTarget(await refresh(repository), 'x'), { code: 'repository-not-signed' });
});

test('a stolen key of one family does not reach the threshold of two', async () => {
  const repository = delegating({ name: 'linux-6.1', paths: ['*'], threshold: 2 });
  repository.publish();
  await assert.rejects(findTarget(await refresh(repository), 'x'), { code: 'repository-not-signed' });
});

test('thousands of targets are read in a moment', () => {
  const entry = { length: 1, hashes: { sha256: 'a'.repeat(64) }, custom: { description: 'x'.repeat(80) } };
  const targets = Object.fromEntries(
    Array.from({ length: 8000 }, (_, index) => [`linux-6.1/${index % 90}/${index}`, entry]),
  );
  const signed = { _type: 'targets', spec_version: '1.0.31', version: 1, expires: LATER, targets };
  const start = performance.now();
  const parsed = parseTargets(Buffer.from(JSON.stringify({ signed, signatures: [] })), 'x');
  assert.equal(Object.keys(parsed.signed.targets).length, 8000);
  assert.deepEqual(parsed.signed.toJSON(), signed);
  // With copies of all for each one it takes minutes.
  assert.ok(performance.now() - start < 10_000);
});

test('targets whose names are special in the language are targets like others', () => {
  const text = `{"signed":{"_type":"targets","spec_version":"1.0.31","version":1,"expires":"${LATER}","targets":{"__proto__":{"length":1,"hashes":{}}}},"signatures":[]}`;
  const { targets } = parseTargets(Buffer.from(text), 'x').signed;
  assert.deepEqual(Object.keys(targets), ['__proto__']);
  for (const wrong of ['[]', '1', '{"x":1}', '{"x":null}']) {
    const bytes = Buffer.from(text.replace(/"targets":\{.*?\}\}\}/, `"targets":${wrong}}`));
    assert.throws(() => parseTargets(bytes, 'x'), { code: 'repository-malformed' });
  }
});

test('names of the language itself are no targets', async () => {
  const repository = new SimulatedRepository();
  const trusted = await refresh(repository);
  for (const name of ['constructor', '__proto__', 'toString'])
    assert.equal(await findTarget(trusted, name), undefined);
});

test('arbitrary content: a target whose bytes were changed is refused', async () => {
  const repository = new SimulatedRepository();
  const target = repository.add('targets', 'x/fix', CONTENT);
  repository.publish();
  const trusted = await refresh(repository);
  const [name = ''] = [...repository.targetFiles.keys()];
  repository.targetFiles.set(name, Buffer.from('the updatE'));
  await assert.rejects(downloadTarget(trusted, target), { code: 'target-altered' });
  repository.targetFiles.set(name, CONTENT.subarray(1));
  await assert.rejects(downloadTarget(trusted, target), { code: 'target-altered' });
  repository.targetFiles.set(name, Buffer.concat([CONTENT, CONTENT]));
  await assert.rejects(downloadTarget(trusted, target), { code: 'repository-data-endless' });
  repository.targetFiles.delete(name);
  await assert.rejects(downloadTarget(trusted, target), { code: 'repository-incomplete' });
});

test('a target whose path or hash leads out of the repository is refused', async () => {
  for (const path of ['../x', 'a/../../x', '/etc/x', 'a//x', './x']) {
    const repository = new SimulatedRepository();
    const target = repository.add('targets', path, CONTENT);
    repository.publish();
    await assert.rejects(downloadTarget(await refresh(repository), target), { code: 'target-altered' });
  }
  const repository = new SimulatedRepository();
  const target = repository.add('targets', 'x', CONTENT);
  Object.assign(target.hashes, { sha256: '../../../etc/passwd' });
  repository.publish();
  await assert.rejects(downloadTarget(await refresh(repository), target), { code: 'target-altered' });
});

test('a role that two others delegate to has to be vouched for by each of them', async () => {
  const repository = delegating({ name: 'good', paths: ['good/*'] }, { name: 'bad', paths: ['bad/*'] });
  const shared = { name: 'shared', paths: ['*/*'] };
  const signers = [makeKey()];
  for (const [parent, keys] of [
    ['good', signers],
    ['bad', [makeKey()]],
  ] as const) {
    const delegations = {
      keys: Object.fromEntries(keys.map(({ key }) => [key.keyID, key.toJSON()])),
      roles: [{ ...shared, threshold: 1, terminating: false, keyids: keys.map(({ key }) => key.keyID) }],
    };
    const json = repository.roles.get(parent)?.toJSON();
    repository.roles.set(parent, Targets.fromJSON({ ...json, delegations }));
  }
  repository.roles.set('shared', new Targets({ version: 1, specVersion: '1.0.31', expires: LATER }));
  repository.roleSigners.set('shared', signers);
  repository.add('shared', 'good/fix', CONTENT);
  repository.add('shared', 'bad/fix', CONTENT);
  repository.publish();
  const trusted = await refresh(repository);
  assert.equal((await findTarget(trusted, 'good/fix'))?.role, 'shared');
  await assert.rejects(findTarget(trusted, 'bad/fix'), { code: 'repository-not-signed' });
  assert.equal((await findTarget(trusted, 'good/fix'))?.role, 'shared');
});

test('a list of many targets reads each role once', async () => {
  const repository = delegating({ name: 'linux-6.1', paths: ['linux-6.1/*/*'] });
  for (let index = 0; index < 300; index += 1)
    repository.add('linux-6.1', `linux-6.1/ab/fix_${index}`, CONTENT);
  repository.publish();
  const store = memoryStore();
  const { pinned: root } = repository;
  const reads: string[] = [];
  const read = (role: string) => {
    reads.push(role);
    return store.read(role);
  };
  const trusted = await refreshMetadata({
    source: repository.source(),
    store: { ...store, read },
    root,
    now: NOW,
  });
  assert.equal((await listTargets(trusted, 'linux-6.1/ab/sample')).length, 300);
  assert.equal(reads.filter((role) => role === 'linux-6.1').length, 1);
});

test('a mirror sees every role once', async () => {
  const repository = delegating({ name: 'a', paths: ['a'] }, { name: 'b', paths: ['b'] });
  repository.publish();
  const roles = await listRoles(await refresh(repository));
  assert.deepEqual(
    roles.map(({ role }) => role),
    ['targets', 'a', 'b'],
  );
});
