import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { RespliceError } from '@resplice/report';
import fc from 'fast-check';
import { makeKey, openKey, readKeys } from '../src/key/key-folder.js';
import { parseSealedKey, sealKey, unsealKey } from '../src/key/sealed-key.js';
import { NOW, PASSPHRASE, passphrases } from './workshop.js';

const folder = mkdtempSync(join(tmpdir(), 'resplice-keys-'));
after(() => rmSync(folder, { recursive: true }));

const CHEAP = { now: NOW, cost: 16 };

async function sealed() {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const description = { name: 'root-1', type: 'ed25519', created: NOW, publicKey } as const;
  return { privateKey, key: await sealKey(description, privateKey, PASSPHRASE, 16) };
}

test('a key is opened by its passphrase and by no other', async () => {
  const { key, privateKey } = await sealed();
  assert.ok((await unsealKey(key, PASSPHRASE))?.equals(privateKey));
  assert.equal(await unsealKey(key, `${PASSPHRASE}.`), undefined);
});

test('a key file holds no secret in clear, and belongs to its owner alone', async () => {
  const { path, id } = await makeKey(folder, 'root', PASSPHRASE, CHEAP);
  assert.equal(path, join(folder, `root-${id.slice(0, 8)}.key`));
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const [file] = await readKeys([folder]);
  assert.ok(file);
  const { secret } = await openKey(file, passphrases, new Set());
  const { d = '?' } = secret.export({ format: 'jwk' });
  const text = readFileSync(path, 'utf8');
  assert.ok(!text.includes(Buffer.from(d, 'base64url').toString('hex')) && !text.includes(PASSPHRASE));
});

test('a name or public key that is put in front of another secret does not open', async () => {
  const [{ key }, other] = [await sealed(), await sealed()];
  assert.equal(await unsealKey({ ...key, name: 'timestamp-1' }, PASSPHRASE), undefined);
  assert.equal(await unsealKey({ ...key, public: other.key.public }, PASSPHRASE), undefined);
});

test('a short passphrase is refused, and so is a file that is no key or damaged', async () => {
  await assert.rejects(makeKey(folder, 'root', 'short', CHEAP), { code: 'passphrase-too-short' });
  assert.throws(() => parseSealedKey(Buffer.from('x'), 'x.key'), { code: 'not-a-key' });
  assert.throws(() => parseSealedKey(Buffer.from('{"format":1}'), 'x.key'), { code: 'key-damaged' });
});

test('a cost that would take all memory, or that scrypt does not have, is refused', async () => {
  const { key } = await sealed();
  for (const N of [2 ** 30, 17, 0]) {
    const text = JSON.stringify({ ...key, sealed: { ...key.sealed, N } });
    assert.throws(() => parseSealedKey(Buffer.from(text), 'x.key'), { code: 'key-damaged' });
  }
});

test('a key that others may read is refused, with the command that mends it', async () => {
  const { path } = await makeKey(folder, 'snapshot', PASSPHRASE, CHEAP);
  chmodSync(path, 0o640);
  await assert.rejects(readKeys([folder]), { code: 'key-readable-by-others', message: /chmod 600/ });
  chmodSync(path, 0o600);
});

test('a folder that is not there is an error: a medium may not be plugged in', async () => {
  await assert.rejects(readKeys([join(folder, 'absent')]), { code: 'no-key-folder' });
  writeFileSync(join(folder, 'notes.txt'), 'not a key');
  await assert.doesNotReject(readKeys([folder]));
});

test('whatever the bytes of a key file, it opens to the same key, or not at all, or it is one of our errors', async () => {
  const { key, privateKey } = await sealed();
  const original = Buffer.from(JSON.stringify(key));
  const change = fc.record({ at: fc.nat(original.length - 1), value: fc.integer({ min: 0, max: 255 }) });
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      const bytes = Buffer.from(original);
      for (const { at, value } of changes) bytes[at] = value;
      try {
        const parsed = parseSealedKey(bytes, 'x.key');
        // Costs above the test's own would make this slow; a real one is refused or does not open either.
        if (parsed.sealed.N > 1024) return;
        const opened = await unsealKey(parsed, PASSPHRASE);
        assert.ok(opened === undefined || opened.equals(privateKey));
      } catch (error) {
        assert.ok(error instanceof RespliceError, String(error));
      }
    }),
    { seed: 11, numRuns: 500 },
  );
});
