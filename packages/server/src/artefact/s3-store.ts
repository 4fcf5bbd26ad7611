// Artefacts in an object store that speaks S3. The client (s3mini) has no dependencies; of it only the four requests are used.

import { UsageError } from '@resplice/report';
import { S3mini } from 's3mini';
import { type ArtefactStore, assertArtefactName, isArtefactName } from './artefact-store.js';

/** `s3://ACCESS:SECRET@HOST[:PORT]/BUCKET?region=REGION&tls=no`. Throws UsageError `artefact-store`. */
export function openS3Store(address: string): ArtefactStore {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const bucket = url?.pathname.replace(/^\/|\/$/g, '') ?? '';
  if (url?.protocol !== 's3:' || url.username === '' || url.password === '' || bucket === '') {
    const message =
      'the object store is not named as expected: s3://ACCESS:SECRET@HOST/BUCKET?region=REGION (secrets percent-encoded)';
    throw new UsageError('artefact-store', message);
  }
  const scheme = url.searchParams.get('tls') === 'no' ? 'http' : 'https';
  const client = new S3mini({
    accessKeyId: decodeURIComponent(url.username),
    secretAccessKey: decodeURIComponent(url.password),
    endpoint: `${scheme}://${url.host}/${bucket}`,
    region: url.searchParams.get('region') ?? 'us-east-1',
    requestAbortTimeout: 60_000,
  });
  return {
    kind: 's3',
    async put(name, bytes) {
      assertArtefactName(name);
      await client.putObject(name, bytes, 'application/octet-stream');
    },
    async get(name) {
      assertArtefactName(name);
      const found = await client.getObjectArrayBuffer(name);
      return found === null ? undefined : new Uint8Array(found);
    },
    async list(prefix) {
      const objects = (await client.listObjects('/', prefix)) ?? [];
      return objects
        .map(({ Key, Size }) => ({ name: Key, length: Number(Size) }))
        .filter(({ name }) => isArtefactName(name))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
    },
    async remove(name) {
      assertArtefactName(name);
      await client.deleteObject(name);
    },
  };
}
