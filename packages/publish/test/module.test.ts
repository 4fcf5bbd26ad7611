// Module signatures against openssl, which is what the kernel's own sign-file uses.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { encodeUpdate, joinModule, parseUpdate, readModuleSigner, splitModule } from '@resplice/update';
import { readKeys } from '../src/index.js';
import { unsealKey } from '../src/key/sealed-key.js';
import type { ModuleSigningKey } from '../src/module/sign-module.js';
import { signCode } from '../src/module/sign-module.js';
import { prepareModuleKey, signUpdates } from '../src/module/signing.js';
import { NOW, PASSPHRASE, passphrases, sampleUpdate } from './workshop.js';

const CODE = Buffer.concat([Buffer.from('\x7fELF'), Buffer.alloc(5000, 7)]);
let folder = '';
let key: ModuleSigningKey;
const request = () => ({ folders: [join(folder, 'keys')], passphrases, now: NOW, cost: 16 });
const path = (name: string): string => join(folder, name);
const openssl = (...args: string[]): string =>
  execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'resplice-module-'));
  const { certificate, made } = await prepareModuleKey('Test updates', request());
  assert.ok(made);
  const [file] = await readKeys(request().folders);
  assert.ok(file);
  const secret = await unsealKey(file.key, PASSPHRASE);
  assert.ok(secret);
  key = { secret, certificate };
  writeFileSync(path('mok.der'), certificate);
  writeFileSync(path('code'), CODE);
  writeFileSync(path('key.pem'), secret.export({ type: 'pkcs8', format: 'pem' }));
  openssl('x509', '-inform', 'DER', '-in', path('mok.der'), '-out', path('mok.pem'));
});
after(() => rmSync(folder, { recursive: true }));

test('a signature has the bytes that openssl makes with the options of sign-file', () => {
  writeFileSync(path('ours'), signCode(CODE, key));
  const options = ['-binary', '-noattr', '-nocerts', '-nosmimecap', '-md', 'sha256', '-outform', 'DER'];
  const files = ['-in', path('code'), '-signer', path('mok.pem'), '-inkey', path('key.pem')];
  openssl('cms', '-sign', ...options, ...files, '-out', path('theirs'));
  assert.deepEqual(readFileSync(path('ours')), readFileSync(path('theirs')));
});

test('openssl verifies a signature, and refuses it for other code', () => {
  writeFileSync(path('signature'), signCode(CODE, key));
  const verify = (content: string) => {
    const files = ['-in', path('signature'), '-content', content, '-certfile', path('mok.pem')];
    const trust = ['-CAfile', path('mok.pem'), '-purpose', 'any', '-inform', 'DER', '-binary'];
    return spawnSync('openssl', ['cms', '-verify', ...trust, ...files, '-out', '/dev/null'], {
      encoding: 'utf8',
    });
  };
  const good = verify(path('code'));
  assert.equal(good.status, 0, good.stderr);
  writeFileSync(path('other'), CODE.fill(8, 4000, 4001));
  CODE.fill(7, 4000, 4001);
  assert.notEqual(verify(path('other')).status, 0);
});

test('the certificate is for code signing alone, and its serial number is its key identifier', () => {
  const text = openssl('x509', '-in', path('mok.pem'), '-noout', '-text');
  assert.match(text, /Issuer: CN = Test updates\n/);
  assert.match(text, /Public-Key: \(3072 bit\)/);
  assert.match(text, /CA:FALSE/);
  assert.match(text, /Key Usage: critical\s+Digital Signature\n/);
  assert.match(text, /Extended Key Usage: \s+Code Signing\n/);
  const hex = (pattern: RegExp): string =>
    (pattern.exec(text)?.[1] ?? '').replace(/[\s:]/g, '').toLowerCase();
  const serial = hex(/Serial Number:\s+([0-9a-f:]+)/);
  assert.equal(serial.length, 40);
  assert.equal(hex(/Subject Key Identifier: \s+([0-9A-F:]+)/), serial);
  openssl('verify', '-CAfile', path('mok.pem'), '-purpose', 'any', path('mok.pem'));
});

test('an update is signed inside, names its signer, and stays one encoding', async () => {
  const [signed] = await signUpdates([sampleUpdate('fix_1')], request());
  assert.ok(signed);
  assert.equal(signed.manifest.module.signed, true);
  const module = signed.files.get(signed.manifest.module.file) ?? Buffer.of();
  const signer = readModuleSigner(module);
  assert.equal(signer?.commonName, 'Test updates');
  const [file] = await readKeys(request().folders);
  assert.equal(signer?.serial, file?.id);
  assert.deepEqual(parseUpdate(encodeUpdate(signed), 'x').manifest, signed.manifest);
  const { code } = splitModule(module);
  assert.deepEqual(Buffer.from(code), sampleUpdate('fix_1').files.get(signed.manifest.module.file));
  // Signed again, it is the same: no signature over a signature.
  assert.deepEqual((await signUpdates([signed], request()))[0]?.manifest, signed.manifest);
});

test('an update whose module is completed on the machine is not signed', async () => {
  const core = {
    file: 'module/resplice_core.ko',
    name: 'resplice_core',
    sha256: '0'.repeat(64),
    imports: [],
  };
  const update = sampleUpdate('fix_1');
  const manifest = { ...update.manifest, trampoline: { imports: [], hooks: [], core } };
  await assert.rejects(signUpdates([{ ...update, manifest }], request()), { code: 'module-not-signable' });
});

test('without a key the command that makes one is named', async () => {
  const empty = mkdtempSync(path('empty-'));
  await assert.rejects(signUpdates([sampleUpdate('fix_1')], { ...request(), folders: [empty] }), {
    code: 'no-module-key',
    message: /resplice keys mok/,
  });
});

test('the trailer says how long the signature is, where the kernel reads it', () => {
  const module = joinModule(CODE, signCode(CODE, key));
  writeFileSync(path('module.ko'), module);
  assert.equal(String(module.subarray(-28)), '~Module signature appended~\n');
  const length = Buffer.from(module).readUInt32BE(module.length - 28 - 4);
  assert.equal(module.length - 28 - 12 - length, CODE.length);
});
