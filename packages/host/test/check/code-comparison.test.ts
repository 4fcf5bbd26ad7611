import assert from 'node:assert';
import { test } from 'node:test';
import type { TargetFunction } from '../../src/applicable-update.js';
import { expectCode, findDifference, showDifference } from '../../src/check/code-comparison.js';

type Site = TargetFunction['sites'][number];

function target(code: string, ...sites: readonly Site[]): TargetFunction {
  return { object: 'vmlinux', name: 'f', position: 0, address: 0n, code: Buffer.from(code, 'hex'), sites };
}

function expected(code: string, found: string, slide: bigint | undefined, ...sites: readonly Site[]): string {
  return Buffer.from(expectCode(target(code, ...sites), Buffer.from(found, 'hex'), slide)).toString('hex');
}

test('moves absolute addresses by the slide', () => {
  assert.equal(
    expected('90000040819000', '00000000000000', 0x2000000n, { at: 1, length: 4, kind: 'abs32' }),
    '90000040839000',
  );
  assert.equal(
    expected('00000081ffffffff', '0000000000000000', 0x3f000000n, { at: 0, length: 8, kind: 'abs64' }),
    '000000c0ffffffff',
  );
});

test('moves per-CPU displacements by the negative slide, around zero', () => {
  assert.equal(expected('10000001', '00000000', 0x2000000n, { at: 0, length: 4, kind: 'inv32' }), '100000ff');
});

test('computes modulo the size of the field', () => {
  assert.equal(
    expected('000000ff', '00000000', 0x3f000000n, { at: 0, length: 4, kind: 'abs32' }),
    '0000003e',
  );
});

test('takes volatile sites from memory', () => {
  const site: Site = { at: 1, length: 2, kind: 'alternative' };
  assert.equal(expected('01020304', 'aabbccdd', 0n, site), '01bbcc04');
});

test('takes addresses in modules from memory, since the module loader wrote them', () => {
  assert.equal(expected('01020304', 'aabbccdd', undefined, { at: 0, length: 4, kind: 'abs32' }), 'aabbccdd');
});

test('refuses a moving site of a length its kind cannot have', () => {
  for (const kind of ['abs32', 'inv32', 'abs64'] as const) {
    const length = kind === 'abs64' ? 4 : 8;
    assert.throws(() => expected('0102030405060708', '0102030405060708', 0n, { at: 0, length, kind }), {
      code: 'manifest-contradicts-itself',
    });
  }
});

test('finds the first difference', () => {
  assert.equal(findDifference(Uint8Array.of(1, 2, 3), Uint8Array.of(1, 9, 9)), 1);
  assert.equal(findDifference(Uint8Array.of(1), Uint8Array.of(1)), undefined);
});

test('shows both codes around the difference', () => {
  const disassemble = (code: Uint8Array) =>
    [...code].map((byte, offset) => ({ offset, length: 1, text: `op ${byte}` }));
  const code = {
    expected: Uint8Array.of(1, 2, 3, 4, 5, 6),
    found: Uint8Array.of(1, 2, 3, 9, 5, 6),
    address: 0n,
  };
  assert.deepEqual(showDifference(code, 3, disassemble), [
    'expected:',
    '    +0x1    op 2',
    '    +0x2    op 3',
    '  > +0x3    op 4',
    '    +0x4    op 5',
    '    +0x5    op 6',
    'found in memory:',
    '    +0x1    op 2',
    '    +0x2    op 3',
    '  > +0x3    op 9',
    '    +0x4    op 5',
    '    +0x5    op 6',
  ]);
});

test('shows bytes when there is no disassembler', () => {
  const code = { expected: Uint8Array.of(1, 2, 3), found: Uint8Array.of(1, 0xcc, 3), address: 0n };
  assert.deepEqual(showDifference(code, 1, undefined), [
    'expected:',
    '  > +0x1    02 03',
    'found in memory:',
    '  > +0x1    cc 03',
  ]);
});
