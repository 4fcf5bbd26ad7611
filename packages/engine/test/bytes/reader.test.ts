import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InputError } from '@resplice/report';
import fc from 'fast-check';
import { ByteReader } from '../../src/bytes/index.js';

const SAMPLE = new Uint8Array([0x01, 0x02, 0x03, 0x04, 0xff, 0xff, 0xff, 0xff, 0x41, 0x42, 0x00, 0x07]);

function reader(data = SAMPLE, base?: number): ByteReader {
  return new ByteReader(data, { file: 'a.o', section: '.text', ...(base === undefined ? {} : { base }) });
}

describe('ByteReader', () => {
  it('reads little-endian numbers of every width', () => {
    const r = reader();
    assert.equal(r.u8(), 1);
    assert.equal(r.previous, 0);
    r.seek(0);
    assert.equal(r.u16(), 0x0201);
    r.seek(0);
    assert.equal(r.u32(), 0x04030201);
    assert.equal(r.i32(), -1);
    r.seek(0);
    assert.equal(r.u64(), 0xffffffff04030201n);
    r.seek(0);
    assert.equal(r.i64(), -0xfbfcfdffn);
    assert.equal(r.cstring(), 'AB');
    assert.equal(r.remaining, 1);
  });

  it('names file, section, offset, expectation and finding when data ends too early', () => {
    const r = reader(SAMPLE, 0x10);
    r.seek(10);
    assert.throws(
      () => r.u32(),
      (error) => {
        assert.ok(error instanceof InputError);
        assert.equal(error.code, 'truncated');
        assert.equal(error.message, 'a.o: .text+0x1a: the data ends too early; expected 4 more bytes, got 2');
        assert.deepEqual(error.context, { file: 'a.o', section: '.text', offset: 0x1a });
        return true;
      },
    );
    assert.equal(r.offset, 10, 'a failed read does not move');
  });

  it('refuses a string without an end, and one longer than allowed', () => {
    const code = (run: () => unknown): string => {
      try {
        run();
      } catch (error) {
        if (error instanceof InputError) return error.code;
      }
      return 'nothing thrown';
    };
    const r = reader();
    r.seek(11);
    assert.equal(
      code(() => r.cstring()),
      'string-not-terminated',
    );
    r.seek(8);
    assert.equal(
      code(() => r.cstring(1)),
      'string-not-terminated',
    );
    assert.equal(r.cstring(2), 'AB');
  });

  it('refuses a 64-bit size beyond 2^53', () => {
    const r = reader(new Uint8Array(8).fill(0xff));
    assert.throws(() => r.size64(), { code: 'number-too-large' });
  });

  it('gives windows that cannot be left and keep counting from the whole', () => {
    const r = reader().sub(4, 4);
    assert.equal(r.u32(), 0xffffffff);
    assert.throws(() => r.u8(), /a\.o: \.text\+0x8:/);
    assert.throws(() => reader().sub(8, 5), { code: 'truncated' });
    assert.throws(() => reader().sub(13, 0), { code: 'truncated' });
    assert.throws(() => reader().seek(-1), { code: 'truncated' });
    assert.throws(() => reader().bytes(Number.NaN), { code: 'truncated' });
  });

  it('throws nothing but InputError whatever is asked of it', () => {
    const step = fc.tuple(
      fc.constantFrom('u8', 'u16', 'u32', 'u64', 'size64', 'cstring', 'seek', 'bytes', 'sub'),
      fc.integer(),
      fc.integer(),
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), fc.array(step, { maxLength: 20 }), (data, steps) => {
        const r = reader(data);
        for (const [verb, a, b] of steps) {
          try {
            if (verb === 'seek' || verb === 'bytes' || verb === 'cstring') r[verb](a);
            else if (verb === 'sub') r.sub(a, b);
            else if (verb === 'u8' || verb === 'u16' || verb === 'u32' || verb === 'u64' || verb === 'size64')
              r[verb]();
          } catch (error) {
            assert.ok(error instanceof InputError, String(error));
          }
          assert.ok(r.offset >= 0 && r.offset <= data.length);
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});
