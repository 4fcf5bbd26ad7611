import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InputError } from '@resplice/report';
import fc from 'fast-check';
import { ByteWriter } from '../../src/bytes/index.js';
import { SETUP_HEADER_OFFSET, setup_header } from '../../src/kernel/boot.layout.js';
import { locatePayload } from '../../src/kernel/payload.js';
import { measureWithGcc } from '../bytes/gcc-measure.js';

interface Changes {
  readonly version?: number;
  readonly magic?: string;
  readonly length?: number;
}

/** A boot sector, one setup sector, 16 bytes, the stream and the size word 0x1234. */
function encodeBzImage(stream: readonly number[], changes: Changes = {}): Uint8Array {
  const w = new ByteWriter().fill(2 * 512 + 16);
  const at = (field: Parameters<typeof setup_header.offsetOf>[0]): number =>
    SETUP_HEADER_OFFSET + setup_header.offsetOf(field);
  w.setU8At(at('setup_sects'), 1).setU16At(at('boot_flag'), 0xaa55);
  w.setBytesAt(at('header'), Buffer.from(changes.magic ?? 'HdrS', 'latin1'));
  w.setU16At(at('version'), changes.version ?? 0x20f);
  w.setU32At(at('payload_offset'), 16).setU32At(at('payload_length'), changes.length ?? stream.length + 4);
  return w.bytes(new Uint8Array(stream)).u32(0x1234).finish();
}

describe('locatePayload', () => {
  it('has a header descriptor that agrees with asm/bootparam.h', () => {
    const fields = setup_header.fields.filter((field) => field !== 'before');
    const ours = new Map(fields.map((field) => [field, setup_header.offsetOf(field) - 1]));
    const questions = fields.map((field) => [field, `offsetof(struct setup_header, ${field})`] as const);
    assert.deepEqual(measureWithGcc('asm/bootparam.h', questions), ours);
    const [hdr] = measureWithGcc('asm/bootparam.h', [['hdr', 'offsetof(struct boot_params, hdr)']]).values();
    assert.equal(hdr, SETUP_HEADER_OFFSET + 1);
  });

  it('finds the stream, how it is compressed and what comes out', () => {
    const xz = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00, 1, 2];
    assert.deepEqual(locatePayload(encodeBzImage(xz), 'vmlinuz'), {
      offset: 1040,
      length: 8,
      compression: 'xz',
      uncompressedSize: 0x1234,
    });
    assert.equal(locatePayload(encodeBzImage([0x28, 0xb5, 0x2f, 0xfd]), 'vmlinuz').compression, 'zstd');
  });

  it('counts the size word as part of a gzip stream, whose own size it is', () => {
    assert.equal(locatePayload(encodeBzImage([0x1f, 0x8b, 0x08, 0]), 'vmlinuz').length, 8);
  });

  it('refuses other files, old protocols, unknown compressions and truncated images', () => {
    const zstd = [0x28, 0xb5, 0x2f, 0xfd];
    const code = (image: Uint8Array, expected: string): void => {
      assert.throws(() => locatePayload(image, 'vmlinuz'), { code: expected });
    };
    code(encodeBzImage(zstd, { magic: 'none' }), 'not-a-bzimage');
    code(encodeBzImage(zstd, { version: 0x207 }), 'bzimage-too-old');
    code(encodeBzImage([1, 2, 3, 4]), 'unknown-compression');
    code(encodeBzImage(zstd, { length: 9 }), 'truncated');
    code(new Uint8Array(100), 'truncated');
  });

  it('ends with a named error or a place inside the file on any mutated image', () => {
    const image = encodeBzImage([0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3, 4]);
    const change = fc.tuple(fc.integer({ min: SETUP_HEADER_OFFSET, max: image.length - 1 }), fc.nat(255));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), (changes) => {
        const mutated = image.slice();
        for (const [at, value] of changes) mutated[at] = value;
        try {
          const { offset, length } = locatePayload(mutated, 'vmlinuz');
          assert.ok(offset >= 0 && length >= 0 && offset + length <= image.length);
        } catch (error) {
          assert.ok(error instanceof InputError, String(error));
        }
      }),
      { seed: 6, numRuns: 2000 },
    );
  });
});
