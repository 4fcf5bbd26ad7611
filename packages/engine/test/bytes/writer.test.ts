import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ByteReader, ByteWriter } from '../../src/bytes/index.js';

describe('ByteWriter', () => {
  it('writes what ByteReader reads back', () => {
    const w = new ByteWriter()
      .u8(1)
      .u16(2)
      .i32(-3)
      .u32(0xffffffff)
      .u64(1n << 63n)
      .i64(-5n);
    w.size64(2 ** 53 - 1)
      .cstring('Größe')
      .bytes(new Uint8Array([9, 8]));
    const r = new ByteReader(w.finish(), { file: 'x' });
    assert.deepEqual(
      [r.u8(), r.u16(), r.i32(), r.u32(), r.u64(), r.i64(), r.size64(), r.cstring(), ...r.bytes(2)],
      [1, 2, -3, 0xffffffff, 1n << 63n, -5n, 2 ** 53 - 1, 'Größe', 9, 8],
    );
    assert.equal(r.remaining, 0);
  });

  it('aligns with the given filling and patches earlier places', () => {
    const w = new ByteWriter().u8(7).align(4, 0x90).u32(0).align(4);
    w.setU32At(4, 0xdeadbeef).setU8At(0, 8);
    assert.deepEqual([...w.finish()], [8, 0x90, 0x90, 0x90, 0xef, 0xbe, 0xad, 0xde]);
  });

  it('grows beyond its first allocation', () => {
    const w = new ByteWriter();
    for (let i = 0; i < 5000; i++) w.u32(i);
    const r = new ByteReader(w.finish(), { file: 'x' });
    r.seek(4999 * 4);
    assert.equal(r.u32(), 4999);
  });

  it('refuses values that do not fit and places not yet written', () => {
    assert.throws(() => new ByteWriter().u8(256), { code: 'value-does-not-fit' });
    assert.throws(() => new ByteWriter().i32(2 ** 31), { code: 'value-does-not-fit' });
    assert.throws(() => new ByteWriter().u64(-1n), { code: 'value-does-not-fit' });
    assert.throws(() => new ByteWriter().i64(1n << 63n), { code: 'value-does-not-fit' });
    assert.throws(() => new ByteWriter().size64(0.5), { code: 'value-does-not-fit' });
    assert.throws(() => new ByteWriter().u32(0).setU32At(1, 0), { code: 'write-out-of-range' });
  });
});
