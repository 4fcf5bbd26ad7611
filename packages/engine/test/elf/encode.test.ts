import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { R_X86_64, SHF, SHT, STB, STT } from '../../src/elf/elf.layout.js';
import { encodeObject, type NewObject, type NewSection, type NewSymbol } from '../../src/elf/encode.js';
import { parseObject } from '../../src/elf/object.js';
import { inspect } from './compiler.js';
import { readRelocations, readSections, readSymbols } from './readelf.js';

const TEXT: NewSection = {
  name: '.text',
  type: SHT.PROGBITS,
  flags: SHF.ALLOC | SHF.EXECINSTR,
  alignment: 16,
  entrySize: 0,
  data: Uint8Array.from([0xe8, 0, 0, 0, 0, 0x48, 0xc7, 0xc0, 0, 0, 0, 0, 0xc3]),
  size: 13,
};
const BSS: NewSection = {
  name: '.bss',
  type: SHT.NOBITS,
  flags: SHF.ALLOC | SHF.WRITE,
  alignment: 32,
  entrySize: 0,
  data: new Uint8Array(0),
  size: 4096,
};
const STRINGS: NewSection = {
  name: '.rodata.str1.1',
  type: SHT.PROGBITS,
  flags: SHF.ALLOC | SHF.MERGE | SHF.STRINGS,
  alignment: 1,
  entrySize: 1,
  data: Buffer.from('one\0two\0'),
  size: 8,
};

function symbol(name: string, place: NewSymbol['place'], binding: number, type: number): NewSymbol {
  return { name, place, value: typeof place === 'string' ? 0 : 5, size: 3, type, binding };
}

const GLOBAL = symbol('start', TEXT, STB.GLOBAL, STT.FUNC);
const OUTSIDE = symbol('outside', 'undefined', STB.WEAK, STT.NOTYPE);
const LIVEPATCH = symbol('.klp.sym.vmlinux.printk,0', 'livepatch', STB.GLOBAL, STT.NOTYPE);
const LOCAL = symbol('counter', BSS, STB.LOCAL, STT.OBJECT);
const SECTION: NewSymbol = {
  name: '.text',
  place: TEXT,
  value: 0,
  size: 0,
  type: STT.SECTION,
  binding: STB.LOCAL,
};

const OBJECT: NewObject = {
  sections: [TEXT, BSS, STRINGS],
  symbols: [GLOBAL, OUTSIDE, LIVEPATCH, LOCAL, SECTION],
  relocations: [
    {
      name: '.rela.text',
      target: TEXT,
      flags: 0,
      entries: [
        { offset: 1, type: R_X86_64.PLT32, symbol: OUTSIDE, addend: -4 },
        { offset: 8, type: R_X86_64.R32S, symbol: LOCAL, addend: 0x7fffffff0 },
      ],
    },
    {
      name: '.klp.rela.vmlinux..text',
      target: TEXT,
      flags: SHF.ALLOC | SHF.RELA_LIVEPATCH,
      entries: [{ offset: 1, type: R_X86_64.PC32, symbol: LIVEPATCH, addend: -4 }],
    },
  ],
};

describe('a written object', () => {
  const bytes = encodeObject(OBJECT);

  it('is read back as it was described', () => {
    const file = parseObject(bytes, 'new.o');
    for (const wanted of OBJECT.sections) {
      const section = file.sections.find(({ name }) => name === wanted.name);
      assert.ok(section);
      const { name, type, flags, alignment, entrySize, data, size } = section;
      assert.deepEqual(
        { name, type, flags, alignment, entrySize, data: Buffer.from(data), size },
        {
          ...wanted,
          data: Buffer.from(wanted.data),
        },
      );
    }
    const places = file.symbols.map(({ name, place, section, value, size, type, binding }) => ({
      name,
      place: section?.name ?? place,
      value,
      size,
      type,
      binding,
    }));
    assert.deepEqual(
      places.slice(1),
      [LOCAL, SECTION, GLOBAL, OUTSIDE, LIVEPATCH].map((wanted) => ({
        ...wanted,
        place: typeof wanted.place === 'string' ? wanted.place : wanted.place.name,
      })),
    );
    const relocations = file.sections.flatMap((section) => section.relocations);
    assert.deepEqual(
      relocations.map(({ offset, type, symbol: { name }, addend }) => ({ offset, type, name, addend })),
      OBJECT.relocations
        .flatMap(({ entries }) => entries)
        .map(({ offset, type, symbol: { name }, addend }) => ({ offset, type, name, addend }))
        .sort((a, b) => a.offset - b.offset),
    );
  });

  it('is read by readelf without a complaint, local symbols first', async () => {
    assert.doesNotMatch(await inspect('readelf', ['-aW'], bytes), /warning|error/i);
    const symbols = await readSymbols(bytes);
    assert.deepEqual(
      symbols.map(({ binding, section }) => [binding, section]),
      [
        ['LOCAL', 'UND'],
        ['LOCAL', '2'],
        ['LOCAL', '1'],
        ['GLOBAL', '1'],
        ['WEAK', 'UND'],
        ['GLOBAL', 'OS [0xff20]'],
      ],
    );
    const sections = await readSections(bytes);
    const symtab = sections.find(({ name }) => name === '.symtab');
    assert.deepEqual(
      [symtab?.info, symtab?.link],
      [3, sections.find(({ name }) => name === '.strtab')?.index],
    );
    const [first] = await readRelocations(bytes);
    assert.deepEqual(first, {
      list: '.rela.text',
      offset: 1,
      type: 'R_X86_64_PLT32',
      symbol: 'outside',
      addend: -4,
    });
  });

  it('is the same each time', () => {
    assert.deepEqual(encodeObject(OBJECT), bytes);
  });

  it('starts every section at its alignment', () => {
    const file = parseObject(bytes, 'new.o');
    for (const { name, data, alignment } of file.sections)
      if (data.length > 0) assert.equal(data.byteOffset % alignment, bytes.byteOffset % alignment, name);
  });

  it('cannot refer to a symbol or section that is not its own', () => {
    assert.throws(() => encodeObject({ ...OBJECT, symbols: [] }), {
      name: 'InternalError',
      code: 'foreign-symbol',
    });
    const foreign = symbol('lost', { ...TEXT }, STB.GLOBAL, STT.FUNC);
    assert.throws(() => encodeObject({ ...OBJECT, symbols: [...OBJECT.symbols, foreign] }), {
      name: 'InternalError',
      code: 'foreign-section',
    });
  });
});
