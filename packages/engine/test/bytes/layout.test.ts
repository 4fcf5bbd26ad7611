import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { ByteReader, ByteWriter, bytes, defineLayout } from '../../src/bytes/index.js';
import * as elf from '../../src/elf/elf.layout.js';

const Pair = defineLayout('pair', { tag: 'u8', pad: bytes(3), count: 'u32', address: 'u64' });

/** What gcc says: lines of `Struct field offset` and `Struct = size`. */
function measureWithGcc(expressions: readonly (readonly [string, string])[]): Map<string, number> {
  const folder = mkdtempSync(join(tmpdir(), 'layout-'));
  try {
    const prints = expressions.map(([key, c]) => `printf("%s %zu\\n", "${key}", (size_t)(${c}));`);
    const source = `#include <elf.h>\n#include <stddef.h>\n#include <stdio.h>\nint main(void){${prints.join('\n')}return 0;}`;
    writeFileSync(join(folder, 'a.c'), source);
    execFileSync('gcc-12', ['-o', join(folder, 'a'), join(folder, 'a.c')]);
    const output = execFileSync(join(folder, 'a'), { encoding: 'utf8' });
    return new Map(
      output
        .trim()
        .split('\n')
        .map((line) => line.split(' '))
        .map(([key, value]) => [key ?? '', Number(value)] as const),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

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
    const layouts = {
      Elf64_Ehdr: elf.Elf64_Ehdr,
      Elf64_Shdr: elf.Elf64_Shdr,
      Elf64_Phdr: elf.Elf64_Phdr,
      Elf64_Sym: elf.Elf64_Sym,
      Elf64_Rela: elf.Elf64_Rela,
      Elf64_Nhdr: elf.Elf64_Nhdr,
    };
    const fields = {
      Elf64_Ehdr: ['e_type', 'e_entry', 'e_phoff', 'e_shoff', 'e_flags', 'e_phnum', 'e_shstrndx'],
      Elf64_Shdr: ['sh_type', 'sh_addr', 'sh_offset', 'sh_size', 'sh_link', 'sh_info', 'sh_entsize'],
      Elf64_Phdr: ['p_type', 'p_flags', 'p_offset', 'p_vaddr', 'p_filesz', 'p_memsz', 'p_align'],
      Elf64_Sym: ['st_info', 'st_other', 'st_shndx', 'st_value', 'st_size'],
      Elf64_Rela: ['r_offset', 'r_addend'],
      Elf64_Nhdr: ['n_namesz', 'n_descsz', 'n_type'],
    } as const;
    const questions: [string, string][] = [];
    const ours = new Map<string, number>();
    for (const [name, layout] of Object.entries(layouts)) {
      questions.push([name, `sizeof(${name})`]);
      ours.set(name, layout.size);
    }
    const offsetOf = (name: keyof typeof fields, field: string): number => {
      const layout: { offsetOf(field: string): number } = layouts[name] as never;
      return layout.offsetOf(field);
    };
    for (const name of Object.keys(fields) as (keyof typeof fields)[]) {
      for (const field of fields[name]) {
        questions.push([`${name}.${field}`, `offsetof(${name}, ${field})`]);
        ours.set(`${name}.${field}`, offsetOf(name, field));
      }
    }
    assert.deepEqual(measureWithGcc(questions), ours);
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
    assert.deepEqual(measureWithGcc(questions), ours);
  });
});
