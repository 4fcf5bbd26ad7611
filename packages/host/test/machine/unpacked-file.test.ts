// Compressed files, by the tools that this machine has.

import assert from 'node:assert';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { readUnpacked } from '../../src/machine/unpacked-file.js';

const CONTENT = Buffer.from('what a module is\n'.repeat(50));

function pack(tool: string): Uint8Array {
  return spawnSync(tool, ['-c'], { input: CONTENT }).stdout;
}

for (const [suffix, packed] of [
  ['', () => CONTENT],
  ['.gz', () => gzipSync(CONTENT)],
  ['.xz', () => pack('xz')],
] as const) {
  test(`dummy.ko${suffix} is unpacked`, () => {
    const read = readUnpacked(`/dummy.ko${suffix}`, () => ({ ok: true, bytes: packed() }));
    assert.ok(read.ok);
    assert.deepEqual(Buffer.from(read.bytes), CONTENT);
  });
}

for (const suffix of ['.gz', '.xz']) {
  test(`dummy.ko${suffix} that is damaged is a failure with its cause, and no crash`, () => {
    const read = readUnpacked(`/dummy.ko${suffix}`, () => ({ ok: true, bytes: CONTENT }));
    assert.equal(read.ok, false);
  });
}

test('a file that is missing stays one', () => {
  const read = readUnpacked('/no.ko.xz', () => ({ ok: false, code: 'ENOENT' }));
  assert.deepEqual(read, { ok: false, code: 'ENOENT' });
});
