import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { InputError } from '@resplice/report';
import { parsePackageRecords } from '../../src/debian/control-record.js';
import { fixture } from './fixture.js';

const text = readFileSync(fixture('apt-cache-show.txt'), 'utf8');

test('reads name, version, architecture, size and digest of every stanza', () => {
  const records = parsePackageRecords(text);
  assert.equal(records.length, 28);
  assert.deepEqual(
    records.find((record) => record.name === 'linux-image-6.1.0-47-amd64-unsigned'),
    {
      name: 'linux-image-6.1.0-47-amd64-unsigned',
      version: '6.1.170-3',
      architecture: 'amd64',
      size: 70226932,
      sha256: 'cb9a263a6d0d2debe8ac20eadc1065ffb8b22d27f4a6471ac1c0314db341dfb0',
    },
  );
});

test('leaves out a version that is installed but cannot be downloaded', () => {
  assert.deepEqual(parsePackageRecords('Package: a\nVersion: 1\nStatus: install ok installed\n'), []);
});

test('no stanza is no package', () => {
  assert.deepEqual(parsePackageRecords(''), []);
  assert.deepEqual(parsePackageRecords('\n \n'), []);
});

test('refuses stanzas that lack a field or hold nonsense', () => {
  const digest = 'a'.repeat(64);
  for (const stanza of [
    'Version: 1\nSize: 1\n',
    'Package: a\nSize: 1\n',
    `Package: a\nVersion: 1\nSHA256: ${digest}\n`,
    `Package: a\nVersion: 1\nSize: -5\nSHA256: ${digest}\n`,
    `Package: a\nVersion: 1\nSize: many\nSHA256: ${digest}\n`,
    'Package: a\nVersion: 1\nSize: 5\nSHA256: short\n',
    'E: something else\n',
  ]) {
    assert.throws(() => parsePackageRecords(stanza), InputError, stanza);
  }
});
