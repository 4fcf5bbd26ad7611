import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ByteReader, ByteWriter, bytes, defineLayout } from '../../src/bytes/index.js';
import * as elf from '../../src/elf/elf.layout.js';
import { assertSameAsGcc, measureWithGcc } from './gcc-measure.js';

const Pair = defineLayout('pair', { tag: 'u8', pad: bytes(3), count: 'u32', address: 'u64' });

describe('defineLayout', () => {
  it('reads what it wrote', () => {
    const value = { tag: 1, pad: new Uint8Array(3), count: 0xffffffff, address: 2n ** 64n - 1n };
    const w = new ByteWriter();
    Pair.write(w, value);
    assert.equal(w.offset, Pair.size);
    assert.deepEqual(Pair.read(new ByteReader(w.finish(), { file: 'x' })), value);
  });

  it('refuses a field away from its natural alignment and a size without the closing padding', () => {
    assert.throws(() => defineLayout('a', { x: 'u8', y: 'u32' }), { code: 'layout-not-aligned' });
    assert.throws(() => defineLayout('a', { x: 'u64', y: 'u32' }), { code: 'layout-not-aligned' });
  });

  it('refuses a truncated structure', () => {
    assert.throws(() => Pair.read(new ByteReader(new Uint8Array(15), { file: 'x' })), { code: 'truncated' });
  });

  it('agrees with gcc on the ELF structures', () => {
    const { Elf64_Ehdr, Elf64_Shdr, Elf64_Phdr, Elf64_Sym, Elf64_Rela, Elf64_Nhdr } = elf;
    assertSameAsGcc('elf.h', [Elf64_Ehdr, Elf64_Shdr, Elf64_Phdr, Elf64_Sym, Elf64_Rela, Elf64_Nhdr], {
      spelling: new Map([
        ['r_type', 'r_info'],
        ['r_sym', undefined],
      ]),
    });
  });

  it('agrees with elf.h on the constants', () => {
    const questions: [string, string][] = [];
    const ours = new Map<string, number>();
    const ask = (prefix: string, table: Readonly<Record<string, number>>, skip: readonly string[] = []) => {
      for (const [key, value] of Object.entries(table)) {
        if (skip.includes(key)) continue;
        questions.push([`${prefix}_${key}`, `${prefix}_${key}`]);
        ours.set(`${prefix}_${key}`, value);
      }
    };
    ask('SHT', elf.SHT, ['X86_64_UNWIND']);
    ask('SHF', elf.SHF, ['RELA_LIVEPATCH', 'RO_AFTER_INIT']);
    ask('SHN', elf.SHN, ['LIVEPATCH']);
    ask('STB', elf.STB);
    ask('STT', elf.STT);
    ask('STV', elf.STV);
    ask('PT', elf.PT);
    ask('ET', elf.ET);
    for (const [key, value] of Object.entries(elf.R_X86_64)) {
      const name = `R_X86_64_${key.replace(/^R(?=\d)/, '')}`;
      questions.push([name, name]);
      ours.set(name, value);
    }
    assert.deepEqual(measureWithGcc('elf.h', questions), ours);
  });
});
