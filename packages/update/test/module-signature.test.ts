import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { RespliceError } from '@resplice/report';
import fc from 'fast-check';
import { joinModule, readModuleSigner, splitModule } from '../src/index.js';

const CODE = Buffer.alloc(300, 7);
let folder = '';
let signature: Uint8Array = Buffer.of();

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'resplice-signature-'));
  const [key, certificate, code, out] = ['key', 'crt', 'code', 'p7s'].map((name) => join(folder, name));
  const openssl = (...args: (string | undefined)[]) =>
    execFileSync(
      'openssl',
      args.map((arg) => arg ?? ''),
      { stdio: 'ignore' },
    );
  writeFileSync(code ?? '', CODE);
  const subject = ['-subj', '/O=Example Org/CN=Example signer', '-set_serial', '0x8002'];
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, ...subject);
  const options = ['-binary', '-noattr', '-nosmimecap', '-md', 'sha256', '-outform', 'DER'];
  openssl('cms', '-sign', ...options, '-in', code, '-signer', certificate, '-inkey', key, '-out', out);
  signature = readFileSync(out ?? '');
});
after(() => rmSync(folder, { recursive: true }));

test('a module without a signature is whole, and names nobody', () => {
  assert.deepEqual(splitModule(CODE), { code: CODE, signature: undefined });
  assert.equal(readModuleSigner(CODE), undefined);
});

test('the signer of a module is read, also when certificates are in the message', () => {
  const module = joinModule(CODE, signature);
  assert.deepEqual(Buffer.from(splitModule(module).code), CODE);
  const signer = { commonName: 'Example signer', organization: 'Example Org', serial: '8002' };
  assert.deepEqual(readModuleSigner(module), signer);
});

test('a damaged signature is refused as such', () => {
  const module = Buffer.from(joinModule(CODE, signature));
  const trailer = module.length - 28 - 12;
  for (const [at, value] of [
    [trailer + 2, 1],
    [trailer + 8, 0xff],
  ] as const) {
    const bad = Buffer.from(module);
    bad[at] = value;
    assert.throws(() => readModuleSigner(bad), { code: 'module-signature-malformed' });
  }
  assert.throws(() => readModuleSigner(joinModule(CODE, signature.subarray(0, 40))), RespliceError);
});

test('whatever the bytes of a signature, the result is a signer or one of our errors', () => {
  const place = fc.record({ at: fc.nat(signature.length - 1), value: fc.integer({ min: 0, max: 255 }) });
  fc.assert(
    fc.property(fc.array(place, { minLength: 1, maxLength: 4 }), fc.nat(signature.length), (changes, cut) => {
      const bytes = Buffer.from(signature);
      for (const { at, value } of changes) bytes[at] = value;
      for (const each of [bytes, bytes.subarray(0, cut)]) {
        try {
          readModuleSigner(joinModule(CODE, each));
        } catch (error) {
          assert.ok(error instanceof RespliceError, String(error));
        }
      }
    }),
    { seed: 5, numRuns: 2000 },
  );
});
