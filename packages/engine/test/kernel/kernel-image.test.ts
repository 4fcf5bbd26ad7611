import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findSection, imageBytes, parseKernelImage } from '../../src/kernel/kernel-image.js';
import { BANNER, BASE, BUILD_ID_NOTE, encodeImage, encodeKernel, sampleSymbols } from './image-fixture.js';

const KERNEL = encodeKernel(sampleSymbols(), { order: 'since-6.4' });
const RODATA = { name: '.rodata', address: BASE, bytes: Buffer.from(`${BANNER}\n\0`, 'latin1') };
const NOTES = { name: '.notes', address: BASE + 0x1000n, bytes: BUILD_ID_NOTE };

describe('parseKernelImage', () => {
  it('gives sections, build id, version and release', () => {
    const image = parseKernelImage(KERNEL, 'vmlinux');
    assert.deepEqual(
      image.sections.map((section) => [section.name, section.executable, section.allocated]),
      [
        ['.text', true, true],
        ['.rodata', false, true],
        ['.notes', false, true],
        ['.shstrtab', false, false],
      ],
    );
    assert.equal(image.buildId, 'deadbeef');
    assert.equal(image.version, BANNER, 'not its weak twin without a build number');
    assert.equal(image.release, '6.1.0-1-amd64');
    assert.equal(image.btf, undefined);
    assert.equal(findSection(image, '.text')?.address, BASE);
    assert.equal(findSection(image, '.absent'), undefined);
  });

  it('reads memory by link-time address and refuses addresses outside', () => {
    const image = parseKernelImage(KERNEL, 'vmlinux');
    assert.deepEqual(imageBytes(image, BASE + 0xffen, 2), new Uint8Array([0xcc, 0xcc]));
    for (const [address, length] of [
      [BASE + 0xfffn, 2],
      [BASE - 1n, 1],
      [0n, 1],
    ] as const) {
      assert.throws(() => imageBytes(image, address, length), { code: 'address-not-in-image' });
    }
  });

  it('reads the three relocation lists from their end', () => {
    const image = parseKernelImage(
      encodeImage([RODATA, NOTES], [0, 0x81000010, 0x81000040, 0, 0x81000020, 0, 0x8100002c, 0x81000030]),
      'vmlinux',
    );
    const { relocations } = image;
    assert.deepEqual([...relocations.abs64], [0x81000010, 0x81000040]);
    assert.deepEqual([...relocations.inv32], [0x81000020]);
    assert.deepEqual([...relocations.abs32], [0x8100002c, 0x81000030]);
    // The first one overlaps with its last byte, the last one begins at the last byte.
    assert.deepEqual(relocations.in(BASE + 0x17n, 0x1a), [
      { address: BASE + 0x10n, length: 8, kind: 'abs64' },
      { address: BASE + 0x20n, length: 4, kind: 'inv32' },
      { address: BASE + 0x2cn, length: 4, kind: 'abs32' },
      { address: BASE + 0x30n, length: 4, kind: 'abs32' },
    ]);
    assert.deepEqual(relocations.in(BASE + 0x18n, 8), []);
    assert.deepEqual(relocations.in(0n, 100), []);
  });

  it('takes an image without relocation lists and refuses one with too few or with bytes between', () => {
    assert.equal(parseKernelImage(encodeImage([RODATA, NOTES], []), 'v').relocations.abs64.length, 0);
    for (const words of [[1], [0, 0], [7, 0, 0, 0]]) {
      assert.throws(() => parseKernelImage(encodeImage([RODATA, NOTES], words), 'v'), {
        code: 'relocations-malformed',
      });
    }
    const odd = Buffer.concat([encodeImage([RODATA, NOTES]), new Uint8Array(1)]);
    assert.throws(() => parseKernelImage(odd, 'v'), { code: 'relocations-malformed' });
  });

  it('says what is missing in something that is no kernel', () => {
    assert.throws(() => parseKernelImage(new Uint8Array(64), 'v'), { code: 'not-a-kernel-image' });
    assert.throws(() => parseKernelImage(KERNEL.subarray(0, 2000), 'v'), { code: 'truncated' });
    assert.throws(() => parseKernelImage(encodeImage([RODATA]), 'v'), { code: 'build-id-missing' });
    assert.throws(() => parseKernelImage(encodeImage([NOTES]), 'v'), { code: 'banner-missing' });
  });
});
