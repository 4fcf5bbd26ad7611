import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { brotliCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { applyDelta, encodeDelta } from '../src/delta.js';

/** Bytes that do not compress, the same every time. */
function noise(length: number, seed: string): Buffer {
  const pieces: Buffer[] = [];
  for (let at = 0; at * 32 < length; at += 1)
    pieces.push(createHash('sha256').update(`${seed} ${at}`).digest());
  return Buffer.concat(pieces).subarray(0, length);
}

test('a delta makes the file of any other file', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 400 }), fc.uint8Array({ maxLength: 400 }), (base, other) => {
      // Pieces of both, so that copies are found.
      const target = Buffer.concat([other.subarray(0, 100), base.subarray(50), other, base.subarray(0, 200)]);
      assert.deepEqual(applyDelta(base, encodeDelta(base, target), target.length), target);
    }),
  );
});

test('what the earlier file has costs next to nothing, wherever it has moved', () => {
  const base = noise(300_000, 'base');
  const target = Buffer.concat([base.subarray(150_000), noise(1000, 'new'), base.subarray(0, 150_000)]);
  // As a relocation table: each eighth byte is another one.
  for (let at = 20_000; at < 36_000; at += 8) target[at] = (target[at] ?? 0) + 1;
  const delta = encodeDelta(base, target);
  assert.ok(delta.length < 4000, `${delta.length}`);
  assert.deepEqual(applyDelta(base, delta, target.length), target);
});

test('a delta of another file, or to another length, makes nothing or something else, and never more', () => {
  const [base, target] = [
    noise(5000, 'a'),
    Buffer.concat([noise(5000, 'a').subarray(1000), noise(500, 'b')]),
  ];
  const delta = encodeDelta(base, target);
  assert.equal(applyDelta(base.subarray(0, 3000), delta, target.length), undefined);
  assert.equal(applyDelta(base, delta, target.length - 1), undefined);
  assert.equal(applyDelta(base, delta, target.length + 1), undefined);
  assert.notDeepEqual(applyDelta(noise(5000, 'c'), delta, target.length), target);
});

test('damage makes nothing that is longer than what was asked for', () => {
  const [base, target] = [noise(2000, 'a'), Buffer.concat([noise(2000, 'a').subarray(500), noise(300, 'b')])];
  const delta = encodeDelta(base, target);
  fc.assert(
    fc.property(fc.nat(delta.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const damaged = Uint8Array.from(delta);
      damaged[at] = (damaged[at] ?? 0) ^ change;
      const made = applyDelta(base, damaged, target.length);
      assert.ok(made === undefined || made.length === target.length);
    }),
    { numRuns: 400 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (content) => {
      const made = applyDelta(base, brotliCompressSync(content), 100);
      assert.ok(made === undefined || made.length === 100);
    }),
  );
});

test('a delta that unpacks without end is given up', () => {
  const bomb = brotliCompressSync(Buffer.alloc(50_000_000));
  assert.ok(bomb.length < 1000);
  assert.equal(applyDelta(new Uint8Array(10), bomb, 1000), undefined);
});
