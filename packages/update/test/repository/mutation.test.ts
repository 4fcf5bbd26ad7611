// Whatever single bytes a server changes, the client either ends with one of our errors or believes exactly what was signed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RespliceError } from '@resplice/report';
import fc from 'fast-check';
import { findTarget, refreshMetadata } from '../../src/repository/index.js';
import { makeKey, memoryStore, NOW, SimulatedRepository } from './simulated-repository.js';

function makeRepository(): SimulatedRepository {
  const repository = new SimulatedRepository();
  repository.delegate({ name: 'linux-6.1', paths: ['linux-6.1/*'] });
  repository.add('linux-6.1', 'linux-6.1/fix', Buffer.from('the update'));
  repository.rotate('timestamp', [makeKey()]);
  repository.nextRoot();
  repository.publish(['targets', 'snapshot', 'timestamp']);
  return repository;
}

/** What a client believes in the end, apart from signatures that do not count. */
async function believe(repository: SimulatedRepository): Promise<string> {
  const options = { source: repository.source(), store: memoryStore(), root: repository.pinned, now: NOW };
  const trusted = await refreshMetadata(options);
  const found = await findTarget(trusted, 'linux-6.1/fix');
  const files = [trusted.root, trusted.timestamp, trusted.snapshot, trusted.targets];
  return JSON.stringify([files.map(({ metadata }) => metadata.signed.toJSON()), found?.target.toJSON()]);
}

test('changed bytes of any metadata file change nothing that is believed', async () => {
  const repository = makeRepository();
  const original = new Map(repository.files);
  const expected = await believe(repository);
  const names = ['2.root.json', 'timestamp.json', '2.snapshot.json', '2.targets.json', '1.linux-6.1.json'];
  for (const name of names) assert.ok(original.has(name), name);
  const change = fc.record({ at: fc.nat(10_000), value: fc.integer({ min: 0, max: 255 }) });
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...names),
      fc.array(change, { minLength: 1, maxLength: 3 }),
      async (name, changes) => {
        const bytes = Buffer.from(original.get(name) ?? []);
        for (const { at, value } of changes) bytes[at % bytes.length] = value;
        repository.files.set(name, bytes);
        try {
          assert.equal(await believe(repository), expected);
        } catch (error) {
          if (!(error instanceof RespliceError)) throw error;
          refused += 1;
        } finally {
          repository.files.set(name, original.get(name) ?? bytes);
        }
      },
    ),
    { seed: 7, numRuns: 400 },
  );
  assert.ok(refused > 200, `${refused} were refused`);
});
