// One contract for both stores. The object store is a small one of the test's own, which checks the signature of each request (AWS
// Signature Version 4) before it does anything. RESPLICE_TEST_ARTEFACTS=s3://… adds another one, whose bucket must be empty; docs/testing.md says how it was
// run against Ceph.

import assert from 'node:assert/strict';
import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type ArtefactStore, isArtefactName } from '../../src/artefact/artefact-store.js';
import { openDiskStore } from '../../src/artefact/disk-store.js';
import { openS3Store } from '../../src/artefact/s3-store.js';
import { makeFolder } from '../support/test-database.js';

/** Objects in one answer, as S3 has it. */
const PAGE = 1000;
const ANOTHER = process.env.RESPLICE_TEST_ARTEFACTS;
const SECRET = 'a/secret+key';
const objects = new Map<string, Buffer>();
const objectServer = createServer((request, answer) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    if (!isSigned(request)) {
      answer.writeHead(403).end('<Error><Code>SignatureDoesNotMatch</Code></Error>');
      return;
    }
    const url = new URL(request.url ?? '', 'http://x');
    const name = decodeURIComponent(url.pathname.replace(/^\/bucket\/?/, ''));
    const found = objects.get(name);
    if (request.method === 'PUT') {
      objects.set(name, Buffer.concat(chunks));
      answer.writeHead(200, { etag: '"x"' }).end();
    } else if (request.method === 'DELETE') {
      objects.delete(name);
      answer.writeHead(204).end();
    } else if (url.searchParams.has('list-type')) {
      const prefix = url.searchParams.get('prefix') ?? '';
      const from = Number(url.searchParams.get('continuation-token') ?? 0);
      const found = [...objects].filter(([key]) => key.startsWith(prefix));
      const next = from + PAGE < found.length ? `${from + PAGE}` : undefined;
      const contents = found
        .slice(from, from + PAGE)
        .map(
          ([key, { length }]) =>
            `<Contents><Key>${key}</Key><Size>${length}</Size><ETag>x</ETag><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>`,
        );
      answer.writeHead(200, { 'content-type': 'application/xml' });
      answer.end(
        `<?xml version="1.0"?><ListBucketResult><IsTruncated>${next !== undefined}</IsTruncated>${next === undefined ? '' : `<NextContinuationToken>${next}</NextContinuationToken>`}<KeyCount>${contents.length}</KeyCount>${contents.join('')}</ListBucketResult>`,
      );
    } else if (found === undefined) answer.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>');
    else answer.writeHead(200, { etag: '"x"', 'content-length': found.length }).end(found);
  });
});

function isSigned(request: IncomingMessage): boolean {
  const found =
    /Credential=access\/(\d+)\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=(\w+)/.exec(
      request.headers.authorization ?? '',
    );
  if (found === null) return false;
  const [, date = '', region = '', signed = '', signature] = found;
  const url = new URL(request.url ?? '', 'http://x');
  const query = [...url.searchParams]
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort()
    .join('&');
  const headers = signed
    .split(';')
    .map((name) => `${name}:${String(request.headers[name] ?? '').trim()}\n`)
    .join('');
  const payload = String(request.headers['x-amz-content-sha256']);
  const canonical = [request.method, url.pathname, query, headers, signed, payload].join('\n');
  const text = [
    'AWS4-HMAC-SHA256',
    request.headers['x-amz-date'],
    `${date}/${region}/s3/aws4_request`,
    createHash('sha256').update(canonical).digest('hex'),
  ].join('\n');
  let key: Buffer | string = `AWS4${SECRET}`;
  for (const part of [date, region, 's3', 'aws4_request'])
    key = createHmac('sha256', key).update(part).digest();
  return createHmac('sha256', key).update(text).digest('hex') === signature;
}

describe('stores of artefacts', () => {
  const stores = new Map<string, ArtefactStore>();
  let remove: () => Promise<void>;
  before(async () => {
    const made = await makeFolder();
    remove = made.remove;
    stores.set('disk', openDiskStore(join(made.folder, 'artefacts')));
    await new Promise<void>((resolve) => objectServer.listen(0, '127.0.0.1', () => resolve()));
    const { port } = objectServer.address() as AddressInfo;
    stores.set(
      's3',
      openS3Store(`s3://access:${encodeURIComponent(SECRET)}@127.0.0.1:${port}/bucket?region=here&tls=no`),
    );
    if (ANOTHER !== undefined) stores.set('another', openS3Store(ANOTHER));
  });
  after(async () => {
    for (const { name } of (await stores.get('another')?.list('')) ?? [])
      await stores.get('another')?.remove(name);
    objectServer.close();
    objectServer.closeAllConnections();
    await remove();
  });

  for (const kind of ['disk', 's3', ...(ANOTHER === undefined ? [] : ['another'])]) {
    it(`keep bytes under a name, list them by prefix and remove them, ${kind}`, async () => {
      const store = stores.get(kind);
      assert.ok(store !== undefined);
      assert.deepEqual(await store.list(''), []);
      assert.equal(await store.get('a/one'), undefined);
      await store.put('a/one', new Uint8Array([0, 1, 255]));
      await store.put('a/one', new Uint8Array([0, 1, 254]));
      await store.put('b/two-2.splice', new Uint8Array(100_000));
      assert.deepEqual([...((await store.get('a/one')) ?? [])], [0, 1, 254]);
      assert.deepEqual(await store.list('a/'), [{ name: 'a/one', length: 3 }]);
      assert.deepEqual(
        (await store.list('')).map(({ name }) => name),
        ['a/one', 'b/two-2.splice'],
      );
      await store.remove('a/one');
      await store.remove('a/one');
      assert.equal(await store.get('a/one'), undefined);
      await assert.rejects(store.put('../x', new Uint8Array()), { code: 'artefact-name' });
      await store.remove('b/two-2.splice');
    });

    it(`list more than fit into one answer, ${kind}`, async () => {
      const store = stores.get(kind);
      assert.ok(store !== undefined);
      const names = Array.from({ length: PAGE + 2 }, (_, at) => `many/${at}`);
      for (const name of names) await store.put(name, new Uint8Array([1]));
      assert.equal((await store.list('many/')).length, names.length);
      for (const name of names) await store.remove(name);
      assert.deepEqual(await store.list(''), []);
    });
  }

  it('refuse a name that is a folder of others on a disk, and keep both sides as they are', async () => {
    const store = stores.get('disk');
    assert.ok(store !== undefined);
    await store.put('c/d', new Uint8Array([1]));
    await assert.rejects(store.put('c', new Uint8Array([2])), { code: 'artefact-name' });
    await assert.rejects(store.put('c/d/e', new Uint8Array([3])), { code: 'artefact-name' });
    assert.equal(await store.get('c'), undefined);
    assert.deepEqual([...((await store.get('c/d')) ?? [])], [1]);
    await store.remove('c/d');
  });

  it('take no name that leads out of their folder', () => {
    for (const name of ['a', 'a/b.c', 'A_1+2-3/x']) assert.ok(isArtefactName(name), name);
    for (const name of [
      '',
      '/',
      '/a',
      'a/',
      '..',
      'a/..',
      '.a',
      'a/.b',
      'a\\b',
      'a\0',
      'a//b',
      '-a',
      'ä',
      'a\n',
    ])
      assert.ok(!isArtefactName(name), name);
  });

  it('say how an object store is named when it is not', () => {
    for (const address of ['s3://host/bucket', 'http://a:b@host/bucket', 's3://a:b@host', 'x'])
      assert.throws(() => openS3Store(address), { code: 'artefact-store' });
  });
});
