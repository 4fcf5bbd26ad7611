import assert from 'node:assert';
import { test } from 'node:test';
import { InputError } from '@resplice/report';
import {
  findSlide,
  parseCoreHeader,
  parseCoreSegments,
  planReads,
  readKernelMemory,
} from '../../src/kernel/core-file.js';
import { type CoreImage, encodeCore, encodeNotes, readCore } from '../fake/core-image.js';
import { assertSurvivesMutations } from '../mutation.js';

/** The first 120 bytes of /proc/kcore of a guest running Debian's 6.1.0-47-amd64, and its first load segment. */
const HEADER = Buffer.from(
  '7f454c46020101000000000000000000' +
    '04003e00010000000000000000000000' +
    '40000000000000000000000000000000' +
    '00000000400038000800000000000000',
  'hex',
);
const SEGMENTS = Buffer.from(
  '040000000000000000020000000000000000000000000000' +
    '0000000000000000c82f00000000000000000000000000000000000000000000' +
    '01000000070000000040609affffff000000609affffffff' +
    '00008058000000000000430300000000000043030000000000100000000000 00'.replace(' ', ''),
  'hex',
);

test('reads the header and the segments of a real /proc/kcore', () => {
  assert.deepEqual(parseCoreHeader(HEADER), { tablePosition: 64, segments: 8 });
  assert.deepEqual(parseCoreSegments(SEGMENTS), [
    { kind: 'note', address: 0n, position: 0x200n, size: 0x2fc8n },
    { kind: 'load', address: 0xffffffff9a600000n, position: 0x00ffffff9a604000n, size: 0x3430000n },
  ]);
});

const TEXT = Uint8Array.from({ length: 0x3000 }, (_, index) => index % 251);
const IMAGE = encodeCore(
  [
    { address: 0xffffffff9a600000n, bytes: TEXT },
    { address: 0xffffffffc0000000n, bytes: Uint8Array.of(1, 2, 3, 4) },
  ],
  'OSRELEASE=6.1.0-47-amd64\nKERNELOFFSET=19600000\nSYMBOL(_stext)=ffffffff9a600000\n',
);

function open(image: CoreImage, limit = Number.POSITIVE_INFINITY) {
  const positions: bigint[] = [];
  return {
    positions,
    read(buffer: Uint8Array, position = 0n) {
      positions.push(position);
      return readCore(image, buffer.subarray(0, Math.min(buffer.length, limit)), position);
    },
    close() {},
  };
}

test('reads memory at positions beyond 2^53, and the slide', () => {
  const file = open(IMAGE);
  const memory = readKernelMemory(file);
  assert.equal(memory.slide, 0x19600000n);
  const [code, module] = memory.read([
    { address: 0xffffffff9a600010n, size: 5 },
    { address: 0xffffffffc0000001n, size: 2 },
  ]);
  assert.deepEqual(code, TEXT.subarray(0x10, 0x15));
  assert.deepEqual(module, Uint8Array.of(2, 3));
  assert.ok(file.positions.includes(0x00ffffff9a604010n));
});

test('gives the ranges back in the order asked, whatever their addresses', () => {
  const memory = readKernelMemory(open(IMAGE));
  const read = memory.read([
    { address: 0xffffffff9a602000n, size: 3 },
    { address: 0xffffffff9a600000n, size: 3 },
    { address: 0xffffffff9a600001n, size: 1 },
  ]);
  assert.deepEqual(read, [TEXT.subarray(0x2000, 0x2003), TEXT.subarray(0, 3), TEXT.subarray(1, 2)]);
});

test('continues after short reads', () => {
  const [code] = readKernelMemory(open(IMAGE, 100)).read([{ address: 0xffffffff9a600000n, size: 1000 }]);
  assert.deepEqual(code, TEXT.subarray(0, 1000));
});

test('gives nothing for memory that is not mapped', () => {
  const read = readKernelMemory(open(IMAGE)).read([
    { address: 0xffffffff90000000n, size: 4 },
    { address: 0xffffffffc0000002n, size: 4 },
  ]);
  assert.deepEqual(read, [undefined, undefined]);
});

test('reads close ranges of a segment at once, far ones and other segments apart', () => {
  const segments = [
    { kind: 'load', address: 0x1000n, position: 0x101000n, size: 0x9000n },
    { kind: 'load', address: 0xa000n, position: 0x20a000n, size: 0x1000n },
  ] as const;
  const plan = planReads(segments, [
    { address: 0x9ff0n, size: 16 },
    { address: 0x1000n, size: 16 },
    { address: 0x1100n, size: 16 },
    { address: 0xa000n, size: 16 },
    { address: 0x1000n, size: 4 },
    { address: 0x9fffn, size: 4 },
  ]);
  assert.deepEqual(plan, [
    { position: 0x101000n, size: 0x110, serves: [1, 4, 2] },
    { position: 0x109ff0n, size: 16, serves: [0] },
    { position: 0x20a000n, size: 16, serves: [3] },
  ]);
});

test('tells that the kernel does not say where it lies', () => {
  assert.equal(readKernelMemory(open(encodeCore([], undefined))).slide, undefined);
  assert.equal(
    findSlide(encodeNotes([{ owner: 'VMCOREINFO', type: 0, description: Buffer.from('PAGESIZE=4096\n') }])),
    undefined,
  );
});

test('refuses a file that is no 64-bit core', () => {
  const cases = [
    [4, 1],
    [5, 2],
    [16, 2],
    [54, 32],
  ] as const;
  for (const [at, value] of cases) {
    const header = Buffer.from(HEADER);
    header[at] = value;
    assert.throws(() => parseCoreHeader(header), { code: 'not-a-core-file' });
  }
});

test('refuses a core file that ends in its headers', () => {
  const short = { head: IMAGE.head.subarray(0, 100), loads: [] };
  assert.throws(() => readKernelMemory(open(short)), { code: 'truncated' });
  assert.throws(() => readKernelMemory(open({ head: new Uint8Array(), loads: [] })), InputError);
});

test('survives damaged headers and notes', () => {
  assertSurvivesMutations(IMAGE.head, (head) => readKernelMemory(open({ ...IMAGE, head })).slide);
});
