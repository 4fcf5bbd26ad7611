// Cumulative updates in a repository as machines get them: the next one as the difference from the one before, with the signed hash as the judge.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { encodeUpdate, hashContent, type Update } from '@resplice/update';
import {
  type AvailableUpdate,
  downloadUpdate,
  listAvailableUpdates,
  mirrorRepository,
  openDirectorySource,
  refreshMetadata,
  type TrustedMetadata,
} from '@resplice/update/repository';
import { KERNEL, memoryStore, NOW, sampleUpdate, Workshop } from './workshop.js';

const SIZE = 200_000;
const shop = new Workshop();
let root: Uint8Array;

/** Cumulative update `number`: most of its module is that of the others. */
function cumulative(number: number): Update {
  const bytes = Array.from({ length: SIZE / 32 }, (_, at) =>
    createHash('sha256')
      .update(at === 1000 ? `${at} of ${number}` : `${at}`)
      .digest(),
  );
  const module = Buffer.concat([Buffer.from('\x7fELF'), ...bytes]);
  const plain = sampleUpdate(`cum_${number}`, { cumulative: { number, contains: [] } });
  const about = { ...plain.manifest.module, sha256: hashContent(module) };
  return {
    manifest: { ...plain.manifest, module: about },
    files: new Map([...plain.files, [about.file, module]]),
  };
}

before(async () => {
  await shop.begin();
  await shop.publish({ updates: [cumulative(1)] });
  await shop.publish({ updates: [cumulative(2)] });
  root = readFileSync(join(shop.folder, 'public/metadata/1.root.json'));
});
after(() => shop.remove());

const filesOf = (folder: string, end: string) =>
  readdirSync(join(folder, 'targets'), { recursive: true })
    .map(String)
    .filter((name) => name.endsWith(end));

async function look(folder = join(shop.folder, 'public')): Promise<{
  readonly trusted: TrustedMetadata;
  readonly second: AvailableUpdate;
}> {
  const source = openDirectorySource(folder);
  const trusted = await refreshMetadata({ source, store: memoryStore(), root, now: NOW });
  const second = (await listAvailableUpdates(trusted, KERNEL)).find(({ info }) => info.id === 'cum_2');
  return { trusted, second: second ?? assert.fail() };
}

const have = (update: Update) => {
  const bytes = encodeUpdate(update);
  return (sha256: string) => (sha256 === hashContent(bytes) ? bytes : undefined);
};

test('a machine with the cumulative update before fetches the difference', async () => {
  const { trusted, second } = await look();
  const whole = await downloadUpdate(trusted, second);
  assert.equal(whole.fetched, whole.archive.length);
  const short = await downloadUpdate(trusted, second, have(cumulative(1)));
  assert.deepEqual(Buffer.from(short.archive), Buffer.from(whole.archive));
  assert.ok(short.fetched < 2000, `${short.fetched} of ${whole.fetched}`);
});

test('other machines fetch the whole file', async () => {
  const { trusted, second } = await look();
  const other = await downloadUpdate(trusted, second, have(sampleUpdate('fix_1')));
  assert.equal(other.fetched, other.archive.length);
});

test('a mirror has the deltas as well, and one that lost or damaged them serves whole files', async () => {
  const copy = join(shop.folder, 'copy');
  const { trusted } = await look();
  const { bytes } = await mirrorRepository(trusted, copy);
  assert.ok(bytes > 2 * SIZE);
  const [delta = assert.fail()] = filesOf(copy, '.delta');
  const mirrored = await look(copy);
  const fetch = () => downloadUpdate(mirrored.trusted, mirrored.second, have(cumulative(1)));
  assert.ok((await fetch()).fetched < 2000);
  const path = join(copy, 'targets', delta);
  for (const change of [
    (content: Buffer) => content.subarray(1),
    (content: Buffer) => Buffer.concat([content, content]),
    (content: Buffer) => content.map((byte) => byte ^ 1),
  ]) {
    const kept = readFileSync(path);
    writeFileSync(path, change(kept));
    assert.equal((await fetch()).fetched, encodeUpdate(cumulative(2)).length);
    writeFileSync(path, kept);
  }
  rmSync(path);
  assert.equal((await fetch()).fetched, encodeUpdate(cumulative(2)).length);
  await mirrorRepository(mirrored.trusted, join(shop.folder, 'copy of a copy'));
  assert.deepEqual(filesOf(join(shop.folder, 'copy of a copy'), '.delta'), []);
});

test('what a signed delta makes is not believed when the file that it begins with was altered', async () => {
  const { trusted, second } = await look();
  const base = encodeUpdate(cumulative(1));
  base[SIZE / 2] = (base[SIZE / 2] ?? 0) ^ 1;
  const { archive, fetched } = await downloadUpdate(trusted, second, () => base);
  assert.equal(fetched, archive.length);
  assert.equal(hashContent(archive), second.found.target.hashes.sha256);
});

test('an update for itself has no delta, and publishing the same again changes nothing', async () => {
  const names = filesOf(join(shop.folder, 'public'), '.delta');
  assert.equal(names.length, 1);
  await shop.publish({ updates: [sampleUpdate('fix_2'), cumulative(2)] });
  assert.deepEqual(filesOf(join(shop.folder, 'public'), '.delta'), names);
});
