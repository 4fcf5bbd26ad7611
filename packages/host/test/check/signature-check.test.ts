// Signed modules on a machine that forces signatures. The signatures are made by openssl, as sign-file makes them.

import assert from 'node:assert';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { joinModule } from '@resplice/update';
import type { ApplicableUpdate } from '../../src/applicable-update.js';
import { checkApply } from '../../src/check/apply-check.js';
import { readModuleTrust } from '../../src/index.js';
import { readTrustedKeys } from '../../src/kernel/trusted-key.js';
import { makeMachine, makeUpdate } from '../fake/situation.js';

/** As Debian 12 shows them, with a keyring and another kind of key between. */
const DEBIAN_KEYS = [
  '0b9a1b0e I------     1 perm 1f030000     0     0 keyring   .builtin_trusted_keys: 2',
  '1b4a6ad5 I------     1 perm 1f010000     0     0 asymmetri Debian Secure Boot CA: 6ccece7e4c6c0d1f6149f3dd27dfcc5cbb419ea1: X509.rsa bb419ea1 []',
  '2b0aac25 I------     1 perm 1f010000     0     0 asymmetri Debian Secure Boot Signer 2022 - linux: 14011249c2675ea8e5148542202005810584b25f: X509.rsa 0584b25f []',
  '3c6ad2d7 I--Q---     2 perm 1f3f0000     0 65534 keyring   _uid.0: empty',
];
const SERIAL = '4a'.repeat(20);

let folder = '';
let signed: ApplicableUpdate;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'resplice-signed-'));
  const [key = '', certificate = '', code = '', out = ''] = ['key', 'crt', 'code', 'p7s'].map((name) =>
    join(folder, name),
  );
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' });
  const update = makeUpdate('fix_one');
  writeFileSync(code, update.module);
  const subject = ['-subj', '/CN=Resplice updates', '-set_serial', `0x${SERIAL}`];
  openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, ...subject);
  const options = ['-binary', '-noattr', '-nocerts', '-nosmimecap', '-md', 'sha256', '-outform', 'DER'];
  openssl('cms', '-sign', ...options, '-in', code, '-signer', certificate, '-inkey', key, '-out', out);
  const module = joinModule(update.module, readFileSync(out));
  signed = {
    ...update,
    module,
    manifest: { ...update.manifest, module: { ...update.manifest.module, signed: true } },
  };
});
after(() => rmSync(folder, { recursive: true }));

function makeForcing(keys: readonly string[] = DEBIAN_KEYS) {
  const machine = makeMachine();
  machine.files.set('/sys/module/module/parameters/sig_enforce', 'Y\n');
  machine.files.set('/proc/keys', `${keys.join('\n')}\n`);
  return machine;
}

function codesOf(machine: ReturnType<typeof makeForcing>, update: ApplicableUpdate): readonly string[] {
  const verdict = checkApply(machine, update);
  return verdict.ok ? [] : verdict.reasons.map(({ code, found }) => `${code}: ${found}`);
}

const OURS = `4d5e6f70 I------     1 perm 1f010000     0     0 asymmetri Resplice updates: ${SERIAL}: X509.rsa 4a4a4a4a []`;
const RENAMED = OURS.replace('Resplice updates', 'Something else');
const OTHER_ID = OURS.replace(SERIAL, 'ff'.repeat(20));

test('an update signed by a key that the kernel does not know is refused before loading, with its name', () => {
  assert.deepEqual(codesOf(makeForcing(), signed), [
    `module-key-unknown: module.sig_enforce is on, and none of the 2 keys that this kernel knows is that of "Resplice updates" (serial number ${SERIAL})`,
  ]);
});

test('an update signed by a key that the kernel knows, by its number or by its name, may be loaded', () => {
  for (const line of [OURS, RENAMED, OTHER_ID]) {
    assert.deepEqual(codesOf(makeForcing([...DEBIAN_KEYS, line]), signed), []);
  }
});

test('lockdown demands the same', () => {
  const machine = makeForcing([...DEBIAN_KEYS, OURS]);
  machine.files.set('/sys/kernel/security/lockdown', 'none [integrity] confidentiality\n');
  assert.deepEqual(codesOf(machine, signed), []);
  machine.files.set('/proc/keys', `${DEBIAN_KEYS.join('\n')}\n`);
  assert.match(codesOf(machine, signed).join(), /^module-key-unknown: lockdown mode is "integrity"/);
});

test('where the keys of the kernel cannot be seen, the kernel decides', () => {
  assert.deepEqual(codesOf(makeForcing([]), signed), []);
});

test('where signatures are not forced, an unknown key does not matter', () => {
  const machine = makeForcing();
  machine.files.set('/sys/module/module/parameters/sig_enforce', 'N\n');
  assert.deepEqual(codesOf(machine, signed), []);
});

test('an update that only says it is signed, or whose signature is damaged, is refused', () => {
  const unsigned = { ...signed, module: makeUpdate('fix_one').module };
  assert.match(codesOf(makeForcing(), unsigned).join(), /^module-must-be-signed: /);
  const module = Buffer.from(signed.module);
  module[module.length - 28 - 4] = 0xff;
  assert.match(codesOf(makeForcing(), { ...signed, module }).join(), /^module-signature-rejected: /);
});

test('reads the keys of /proc/keys that come from certificates, and no others', () => {
  assert.deepEqual(readTrustedKeys(makeForcing()), [
    { subject: 'Debian Secure Boot CA', id: '6ccece7e4c6c0d1f6149f3dd27dfcc5cbb419ea1' },
    { subject: 'Debian Secure Boot Signer 2022 - linux', id: '14011249c2675ea8e5148542202005810584b25f' },
  ]);
});

test('tells what a machine demands and knows', () => {
  const certificate = { commonName: 'Resplice updates', serial: SERIAL };
  const machine = makeForcing([...DEBIAN_KEYS, OURS]);
  const secureBoot = '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';
  machine.files.set(secureBoot, Uint8Array.of(6, 0, 0, 0, 1));
  const expected = { secureBoot: true, forcedBy: 'module.sig_enforce is on', known: true };
  assert.deepEqual(readModuleTrust(machine, certificate), expected);
  const unknown = { secureBoot: undefined, forcedBy: 'module.sig_enforce is on', known: false };
  assert.deepEqual(readModuleTrust(makeForcing(), certificate), unknown);
});
