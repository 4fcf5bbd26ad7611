import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { encodeUpdate, MAX_UPDATE_SIZE, readUpdate, writeUpdate } from '../src/index.js';
import { sampleUpdate } from './sample-update.js';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'resplice-update-'));
});
afterEach(() => rm(directory, { recursive: true }));

test('reads what it wrote, replaces an older file, and leaves no temporary file', async () => {
  const path = join(directory, 'fix.splice');
  await writeFile(path, 'older');
  await writeUpdate(path, sampleUpdate());
  assert.deepEqual(await readFile(path), encodeUpdate(sampleUpdate()));
  assert.equal((await readUpdate(path)).manifest.id, 'sample_1');
  assert.deepEqual(await readdir(directory), ['fix.splice']);
});

test('refuses to read what is absent, a directory, or too large before reading it', async () => {
  const large = join(directory, 'large.splice');
  await writeFile(large, '');
  await truncate(large, MAX_UPDATE_SIZE + 1);
  await assert.rejects(readUpdate(join(directory, 'absent')), { code: 'update-not-readable', exitStatus: 3 });
  await assert.rejects(readUpdate(directory), { code: 'update-not-readable' });
  await assert.rejects(readUpdate(large), { code: 'update-too-large' });
});

test('says that the place is not writable and leaves nothing behind', async () => {
  const path = join(directory, 'absent', 'fix.splice');
  await assert.rejects(writeUpdate(path, sampleUpdate()), { code: 'update-not-writable', exitStatus: 5 });
  const taken = join(directory, 'taken');
  await writeUpdate(join(directory, 'fix.splice'), sampleUpdate());
  await rm(join(directory, 'fix.splice'));
  await writeFile(taken, '');
  await assert.rejects(writeUpdate(join(taken, 'fix.splice'), sampleUpdate()), {
    code: 'update-not-writable',
  });
  assert.deepEqual(await readdir(directory), ['taken']);
});
