import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeCanonicalJson, patchPath } from '../src/index.js';

test('canonical JSON sorts keys at every depth and writes no white space', () => {
  const text = Buffer.from(
    encodeCanonicalJson({ b: [{ d: 1, c: 'é' }], a: null, gone: undefined }),
  ).toString();
  assert.equal(text, '{"a":null,"b":[{"c":"é","d":1}]}');
});

test('names patches by rank and by what is usable of the title', () => {
  assert.equal(patchPath(1, '0007-tcp-restrict.patch'), 'patches/0001-tcp-restrict.patch');
  assert.equal(patchPath(12, 'tcp: restrict "filters" / ../x'), 'patches/0012-tcp-restrict-filters-x.patch');
  assert.equal(patchPath(2, '…'), 'patches/0002-patch.patch');
  assert.equal(patchPath(3, 'a'.repeat(200)).length, 'patches/0003-'.length + 60 + '.patch'.length);
});
