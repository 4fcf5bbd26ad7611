// Input that is no kernel object, and objects made to cost time or memory: a named error, or a verdict, and soon.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InputError } from '@resplice/report';
import { diffObjects } from '../../src/diff/object-diff.js';
import { R_X86_64, SHF, SHT, STB, STT } from '../../src/elf/elf.layout.js';
import { encodeObject, type NewSection, type NewSymbol } from '../../src/elf/encode.js';
import { parseObject } from '../../src/elf/object.js';
import { LAYOUTS } from '../diff/layouts.js';
import { compileObject, compileText, SPLIT, stripObject } from './compiler.js';

/** Of processor time, for however busy the machine is; these objects are larger than any of a kernel. */
const LIMIT = 3000;

function section(name: string, data: Uint8Array, more: Partial<NewSection> = {}): NewSection {
  const flags = SHF.ALLOC;
  return { name, type: SHT.PROGBITS, flags, alignment: 8, entrySize: 0, data, size: data.length, ...more };
}

function symbol(name: string, place: NewSection, value: number, size: number): NewSymbol {
  return { name, place, value, size, type: STT.OBJECT, binding: STB.LOCAL };
}

/** Verdict of an object against itself, and the time it took. */
function judge(bytes: Uint8Array): { readonly codes: readonly string[]; readonly milliseconds: number } {
  const start = process.cpuUsage();
  const [before, after] = [parseObject(bytes, 'before.o'), parseObject(bytes, 'after.o')];
  const { reasons } = diffObjects('x.o', before, after, LAYOUTS);
  const { user, system } = process.cpuUsage(start);
  return { codes: reasons.map(({ code }) => code), milliseconds: (user + system) / 1000 };
}

function assertSoon(milliseconds: number): void {
  assert.ok(milliseconds < LIMIT, `${milliseconds} ms`);
}

const FOREIGN: readonly (readonly [what: string, bytes: Uint8Array, code: string])[] = [
  ['an empty file', new Uint8Array(0), 'empty-file'],
  [
    'an archive',
    Buffer.from('!<arch>\nsock.o/         0           0     0     644     12        `\n'),
    'archive',
  ],
  ['a thin archive', Buffer.from('!<thin>\n'), 'archive'],
  ['LLVM bitcode', Buffer.from('4243c0de35140000', 'hex'), 'bitcode'],
  ['wrapped LLVM bitcode', Buffer.from('dec0170b0000000014000000', 'hex'), 'bitcode'],
];

describe('input that is no object', () => {
  for (const [what, bytes, code] of FOREIGN) {
    it(`is refused by name: ${what}`, () => {
      assert.throws(
        () => parseObject(bytes, 'x.o'),
        (error) => error instanceof InputError && error.code === code && error.message.startsWith('x.o: '),
      );
    });
  }

  it('is refused when it holds the code of link-time optimization only', async () => {
    const bytes = await compileText('int f(int n) { return n + 1; }', [...SPLIT, '-flto']);
    assert.throws(
      () => parseObject(bytes, 'x.o'),
      (error) => error instanceof InputError && error.code === 'link-time-code',
    );
  });
});

describe('an object without symbols', () => {
  it('is refused when its code changes', async () => {
    const text = (n: number) => `int think(int); int f(int n) { return think(n) + ${n}; }`;
    const [before, after] = await Promise.all(
      [text(1), text(2)].map(async (source) => stripObject(await compileText(source))),
    );
    assert.ok(before && after);
    const diff = diffObjects('x.o', parseObject(before, 'a.o'), parseObject(after, 'b.o'), LAYOUTS);
    const [reason] = diff.reasons.filter(({ subject }) => subject.section === '.text.f');
    assert.equal(reason?.code, 'unknown-section');
    assert.match(reason?.found ?? '', /stripped/);
  });
});

describe('an object made to cost time or memory', () => {
  it('is refused when it claims gigabytes of zeros', () => {
    const bss = section('.bss.huge', new Uint8Array(0), { type: SHT.NOBITS, size: 2 ** 40 });
    const bytes = encodeObject({
      sections: [bss],
      symbols: [symbol('huge', bss, 0, 2 ** 40)],
      relocations: [],
    });
    assert.throws(
      () => parseObject(bytes, 'x.o'),
      (error) => error instanceof InputError && error.code === 'section-too-large',
    );
  });

  it('gets a verdict: constants that point at each other in a long chain, closed to a ring', () => {
    const COUNT = 50_000;
    const data = section('.rodata.chain', new Uint8Array(COUNT * 8));
    const symbols = Array.from({ length: COUNT }, (_, at) => symbol(`link${at}`, data, at * 8, 8));
    const entries = symbols.map((_, at) => {
      const next = symbols[(at + 1) % COUNT];
      assert.ok(next);
      return { offset: at * 8, type: R_X86_64.R64, symbol: next, addend: 0 };
    });
    const relocations = [{ name: '.rela.rodata.chain', target: data, flags: 0, entries }];
    const { codes, milliseconds } = judge(encodeObject({ sections: [data], symbols, relocations }));
    assert.deepEqual(codes, []);
    assertSoon(milliseconds);
  });

  it('gets a verdict: very many lists of relocations for one section', () => {
    const COUNT = 20_000;
    const data = section('.data.all', new Uint8Array(COUNT * 8), { flags: SHF.ALLOC | SHF.WRITE });
    const all = symbol('all', data, 0, COUNT * 8);
    const relocations = Array.from({ length: COUNT }, (_, at) => ({
      name: '.rela.data.all',
      target: data,
      flags: 0,
      entries: [{ offset: at * 8, type: R_X86_64.R64, symbol: all, addend: 0 }],
    }));
    const { codes, milliseconds } = judge(encodeObject({ sections: [data], symbols: [all], relocations }));
    assert.deepEqual(codes, []);
    assertSoon(milliseconds);
  });

  it('gets a verdict: very many variables of one name in one section', () => {
    const COUNT = 50_000;
    const data = section('.data', new Uint8Array(COUNT * 4), { flags: SHF.ALLOC | SHF.WRITE });
    const symbols = Array.from({ length: COUNT }, (_, at) => symbol(`count.${at}`, data, at * 4, 4));
    const { milliseconds } = judge(encodeObject({ sections: [data], symbols, relocations: [] }));
    assertSoon(milliseconds);
  });

  it('gets a verdict: a group that lists itself', async () => {
    const file = await compileText(
      'asm(".section .text.g, \\"axG\\", @progbits, g, comdat\\n g: ret\\n .size g, . - g\\n");',
    );
    const bytes = file.slice();
    const { sections } = parseObject(bytes, 'x.o');
    const group = sections.find(({ type }) => type === SHT.GROUP);
    assert.ok(group);
    group.data.set([group.index, 0, 0, 0], 4);
    assert.deepEqual(judge(bytes).codes, []);
  });
});

describe('objects of another compiler setting', () => {
  const text = (n: number) =>
    `int think(int); static int count; int f(int n) { count += n; return think(count) + ${n}; }`;
  for (const flags of [
    ['-O0'],
    ['-O3'],
    ['-Os'],
    ['-mcmodel=small', '-fPIC'],
    ['-g'],
    ['-fno-function-sections'],
    ['-fcommon'],
  ]) {
    it(`get a verdict: ${flags.join(' ')}`, async () => {
      const [before, after] = await Promise.all(
        [1, 2].map((n) => compileObject(text(n), [...SPLIT, ...flags])),
      );
      assert.ok(before && after);
      const { replaced, reasons } = diffObjects('x.o', before, after, LAYOUTS);
      const judged = [
        ...replaced.map(({ after: { name } }) => name),
        ...reasons.map(({ subject }) => subject.symbol),
      ];
      assert.ok(judged.includes('f'), JSON.stringify(reasons));
    });
  }
});
