// Damaged and foreign objects, one defect at a time. Each must be named with the file and the place.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { InputError } from '@resplice/report';
import { Elf64_Ehdr, Elf64_Rela, Elf64_Shdr, Elf64_Sym, SHN, SHT } from '../../src/elf/elf.layout.js';
import { findSection, type ObjectFile, parseObject } from '../../src/elf/object.js';
import { compileText } from './compiler.js';
import { readRelocations, readSections, readSymbols } from './readelf.js';

const SOURCE = `extern int there; static int here = 3; int f(int n) { return n + there + here++; }
const char *text = "text";`;

/** An object that can be damaged. */
class Damaged {
  readonly bytes: Uint8Array;
  readonly #file: ObjectFile;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes.slice();
    this.#file = parseObject(this.bytes, 'intact.o');
    this.#view = new DataView(this.bytes.buffer);
  }

  header(field: keyof Elf64_Ehdr, value: number): this {
    return this.#set(Elf64_Ehdr.offsetOf(field), value, field === 'e_shoff' ? 8 : 2);
  }

  section(name: string, field: keyof Elf64_Shdr, value: number | bigint): this {
    const index = this.#sectionOf(name).index;
    const at =
      Number(this.#view.getBigUint64(Elf64_Ehdr.offsetOf('e_shoff'), true)) + index * Elf64_Shdr.size;
    const isWord = ['sh_name', 'sh_type', 'sh_link', 'sh_info'].includes(field);
    return this.#set(at + Elf64_Shdr.offsetOf(field), value, isWord ? 4 : 8);
  }

  symbol(index: number, field: keyof Elf64_Sym, value: number | bigint): this {
    const size = { st_name: 4, st_info: 1, st_other: 1, st_shndx: 2, st_value: 8, st_size: 8 }[field];
    return this.#set(
      this.#dataOf('.symtab') + index * Elf64_Sym.size + Elf64_Sym.offsetOf(field),
      value,
      size,
    );
  }

  relocation(list: string, field: keyof Elf64_Rela, value: number | bigint): this {
    const size = { r_offset: 8, r_type: 4, r_sym: 4, r_addend: 8 }[field];
    return this.#set(this.#dataOf(list) + Elf64_Rela.offsetOf(field), value, size);
  }

  byte(at: number, value: number): this {
    return this.#set(at < 0 ? this.bytes.length + at : at, value, 1);
  }

  /** Index of the symbol `f`. */
  get function(): number {
    return this.#file.symbols.find((symbol) => symbol.name === 'f')?.index ?? 0;
  }

  fileOffset(name: string): number {
    return this.#dataOf(name);
  }

  #sectionOf(name: string) {
    const section = findSection(this.#file, name);
    assert.ok(section, name);
    return section;
  }

  #dataOf(name: string): number {
    return this.#sectionOf(name).data.byteOffset;
  }

  #set(at: number, value: number | bigint, size: number): this {
    if (size === 8) this.#view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
    else if (size === 4) this.#view.setUint32(at, Number(value), true);
    else if (size === 2) this.#view.setUint16(at, Number(value), true);
    else this.#view.setUint8(at, Number(value));
    return this;
  }
}

type Damage = (object: Damaged) => Damaged | Uint8Array;

const DAMAGES: readonly (readonly [what: string, code: string, damage: Damage])[] = [
  ['half an ELF header', 'truncated', (o) => o.bytes.slice(0, 40)],
  ['a file that ends in the section headers', 'truncated', (o) => o.bytes.slice(0, -1)],
  ['a file that is not ELF', 'not-elf', (o) => o.byte(1, 0x46)],
  ['a 32-bit object', 'wrong-elf-class', (o) => o.byte(4, 1)],
  ['a big-endian object', 'wrong-elf-class', (o) => o.byte(5, 2)],
  ['an object of another processor', 'wrong-machine', (o) => o.header('e_machine', 183)],
  ['a linked program', 'not-relocatable', (o) => o.header('e_type', 2)],
  ['section headers of another size', 'wrong-entry-size', (o) => o.header('e_shentsize', 40)],
  ['section headers outside of the file', 'truncated', (o) => o.header('e_shoff', 0x7fffffff)],
  ['more section headers than the file has room for', 'truncated', (o) => o.header('e_shnum', 0xfeff)],
  ['section names in no section', 'wrong-link', (o) => o.header('e_shstrndx', 0x1000)],
  ['a section name outside of the table', 'truncated', (o) => o.section('.text', 'sh_name', 0x10000)],
  ['a section outside of the file', 'truncated', (o) => o.section('.data', 'sh_offset', 0x7fffffff)],
  ['a section that ends outside of the file', 'truncated', (o) => o.section('.comment', 'sh_size', 0x100000)],
  ['a size beyond all files', 'number-too-large', (o) => o.section('.comment', 'sh_size', 1n << 60n)],
  [
    'two sections over the same bytes',
    'malformed-object',
    (o) => o.section('.comment', 'sh_offset', o.fileOffset('.symtab')),
  ],
  ['a symbol table without strings', 'malformed-object', (o) => o.section('.symtab', 'sh_link', 1)],
  [
    'a symbol table with strings in no section',
    'malformed-object',
    (o) => o.section('.symtab', 'sh_link', 0x1000),
  ],
  ['a symbol name outside of the strings', 'truncated', (o) => o.symbol(o.function, 'st_name', 0x10000)],
  ['a symbol in no section', 'malformed-object', (o) => o.symbol(o.function, 'st_shndx', 0x100)],
  ['a symbol outside of its section', 'malformed-object', (o) => o.symbol(o.function, 'st_value', 0x1000)],
  ['a symbol at no offset at all', 'malformed-object', (o) => o.symbol(o.function, 'st_value', -1n)],
  [
    'an extended index without its table',
    'malformed-object',
    (o) => o.symbol(o.function, 'st_shndx', SHN.XINDEX),
  ],
  ['relocations for no section', 'malformed-object', (o) => o.section('.rela.text.f', 'sh_info', 0x1000)],
  ['relocations for the null section', 'malformed-object', (o) => o.section('.rela.text.f', 'sh_info', 0)],
  ['a relocation to no symbol', 'wrong-symbol', (o) => o.relocation('.rela.text.f', 'r_sym', 0x1000)],
  [
    'a relocation outside of its section',
    'relocation-outside',
    (o) => o.relocation('.rela.text.f', 'r_offset', 0x1000),
  ],
  [
    'an addend beyond all files',
    'number-too-large',
    (o) => o.relocation('.rela.text.f', 'r_addend', 1n << 60n),
  ],
  ['relocations without addends', 'malformed-object', (o) => o.section('.rela.text.f', 'sh_type', SHT.REL)],
];

describe('an object', () => {
  let intact: Uint8Array;
  before(async () => {
    intact = await compileText(SOURCE);
  });

  for (const [what, code, damage] of DAMAGES) {
    it(`is refused: ${what}`, () => {
      const damaged = damage(new Damaged(intact));
      const bytes = damaged instanceof Damaged ? damaged.bytes : damaged;
      assert.throws(
        () => parseObject(bytes, 'net/sock.o'),
        (error: unknown) => {
          assert.ok(error instanceof InputError);
          assert.equal(error.code, code, error.message);
          assert.match(error.message, /^net\/sock\.o: .*\+0x[0-9a-f]+: .+; expected .+, got .+/);
          assert.equal(error.context.file, 'net/sock.o');
          assert.equal(typeof error.context.offset, 'number');
          return true;
        },
      );
    });
  }

  it('is refused when a name has no end', () => {
    const object = new Damaged(intact);
    const strings = object.fileOffset('.strtab');
    const size = findSection(parseObject(intact, 'x.o'), '.strtab')?.size ?? 0;
    object.byte(strings + size - 1, 0x41);
    const last = parseObject(intact, 'x.o').symbols.at(-1);
    assert.ok(last);
    assert.throws(() => parseObject(object.symbol(last.index, 'st_name', size - 1).bytes, 'x.o'), {
      name: 'InputError',
      code: 'string-not-terminated',
    });
  });

  it('is refused when it claims more sections than any object has', () => {
    // With e_shnum 0 the count stands in the first section header.
    const object = new Damaged(intact).header('e_shnum', 0);
    const view = new DataView(object.bytes.buffer);
    const first = Number(view.getBigUint64(Elf64_Ehdr.offsetOf('e_shoff'), true));
    view.setBigUint64(first + Elf64_Shdr.offsetOf('sh_size'), 1n << 40n, true);
    assert.throws(() => parseObject(object.bytes, 'x.o'), { name: 'InputError', code: 'too-many-sections' });
  });

  it('reads as readelf reads it', async () => {
    const file = parseObject(intact, 'x.o');
    const [sections, symbols, relocations] = await Promise.all([
      readSections(intact),
      readSymbols(intact),
      readRelocations(intact),
    ]);
    assert.ok(sections.length > 10 && symbols.length > 5 && relocations.length > 3);
    for (const { index, name, size, link, info } of sections) {
      const section = file.sections[index];
      assert.deepEqual(
        [section?.name, section?.size, section?.link, section?.info],
        [name, size, link, info],
      );
    }
    assert.deepEqual(
      file.symbols.map(({ name, value, size }) => [name, value, size]),
      symbols.map(({ name, value, size }) => [name, value, size]),
    );
    const ours = file.sections.flatMap((section) =>
      section.relocations.map(({ offset, symbol, addend }) => [
        `.rela${section.name}`,
        offset,
        symbol.name,
        addend,
      ]),
    );
    const theirs = relocations.map(({ list, offset, symbol, addend }) => [list, offset, symbol, addend]);
    assert.deepEqual(ours.sort(), theirs.sort());
  });

  it('may have more sections than fit a 16-bit index', async () => {
    const count = 0xff10;
    const sections = Array.from({ length: count }, (_, index) => `.section .t${index},"a"\n.byte 1\n`).join(
      '',
    );
    const source = `asm("${sections.replaceAll('"', '\\"').replaceAll('\n', '\\n')}.globl last\\nlast: .byte 2\\n");`;
    const file = parseObject(await compileText(source), 'many.o');
    assert.ok(file.sections.length > count);
    const last = file.symbols.find(({ name }) => name === 'last');
    assert.deepEqual([last?.section?.name, last?.value, last?.place], [`.t${count - 1}`, 1, 'section']);
  });
});
