// What an assembled update contains, judged by readelf, objdump and ld.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { nameModuleExit } from '../../src/diff/module-exit.js';
import { diffObjects } from '../../src/diff/object-diff.js';
import { parseObject } from '../../src/elf/object.js';
import type { AssembledObject } from '../../src/module/assemble.js';
import { compileFixture, diffFixture, existsOn, FIXTURE_NAMES } from '../diff/fixture.js';
import { LAYOUTS } from '../diff/layouts.js';
import { compileObject, FLAVOURS, forAll, inspect, inTemporaryFolder, SPLIT } from '../elf/compiler.js';
import { readSections, readSymbols } from '../elf/readelf.js';
import { mnemonics, relocationsOf, sectionOf, stringAt } from './listing.js';
import { assembleChanges, type Change, compileOwnCode } from './update.js';

const run = promisify(execFile);
const CARRIED = FIXTURE_NAMES.filter((name) => name.endsWith('.ok'));

describe('an assembled update', () => {
  const changes = new Map<string, Change>();
  let own: Uint8Array;

  before(async () => {
    own = await compileOwnCode();
    await forAll(CARRIED, async (name) =>
      changes.set(name, { owner: 'vmlinux', diff: await diffFixture(name) }),
    );
  });

  const changeOf = (name: string): Change => {
    const change = changes.get(name);
    assert.ok(change, name);
    return change;
  };
  const assemble = (name: string): AssembledObject => assembleChanges(own, [changeOf(name)]);

  it('is an object that readelf and ld accept, the same each time, for every construct of both kernels', async () => {
    const all = FLAVOURS.flatMap((flavour) =>
      CARRIED.filter((name) => existsOn(name, flavour)).map((name) => [name, flavour] as const),
    );
    await inTemporaryFolder(async (folder) => {
      await forAll(all, async ([name, flavour]) => {
        const diff = await diffFixture(name, {}, flavour);
        const { bytes } = assembleChanges(own, [{ owner: 'vmlinux', diff }]);
        assert.deepEqual(assembleChanges(own, [{ owner: 'vmlinux', diff }]).bytes, bytes, name);
        const path = join(folder, `${name}-${flavour}.o`);
        await writeFile(path, bytes);
        const { stdout, stderr } = await run('readelf', ['-aW', path], { maxBuffer: 1 << 24 });
        assert.doesNotMatch(stdout + stderr, /warning|error/i, name);
        await run('objdump', ['-dr', path], { maxBuffer: 1 << 24 });
        const link = await run('ld', ['-r', '-o', `${path}.linked`, path]);
        assert.equal(link.stdout + link.stderr, '', name);
      });
    });
  });

  it('leaves exactly its imports undefined, for every construct', () => {
    for (const name of CARRIED) {
      const { bytes, imports } = assemble(name);
      const { symbols } = parseObject(bytes, name);
      const undefinedNames = symbols.filter(({ place, index }) => place === 'undefined' && index > 0);
      const names = undefinedNames
        .map((symbol) => symbol.name)
        .filter((symbol) => symbol !== '__this_module');
      assert.deepEqual(names.sort(), [...imports.keys()].sort(), name);
    }
  });

  it('contains the code of every included function as the compiler made it', async () => {
    await forAll(
      ['changed-function.ok', 'cold-parent.ok', 'shared-section-call.ok', 'isra-clone.ok'],
      async (name) => {
        const { diff } = changeOf(name);
        const [, post] = await compileFixture(name);
        const compiled = await inspect('objdump', ['-d', '--no-show-raw-insn'], post);
        const assembled = await inspect('objdump', ['-d', '--no-show-raw-insn'], assemble(name).bytes);
        for (const { name: symbol } of diff.selection.included.filter(({ kind }) => kind === 'function'))
          assert.deepEqual(mnemonics(assembled, symbol), mnemonics(compiled, symbol), symbol);
      },
    );
  });

  it('tells objtool where a call does not return to, and nowhere else', () => {
    const marks = (name: string) => {
      const { bytes } = assemble(name);
      const { sections } = parseObject(bytes, name);
      return sections.find((section) => section.name === '.discard.unreachable')?.relocations.length ?? 0;
    };
    // give_up() ends in BUG(); warned(), which goes on after its WARN(), returns.
    assert.equal(marks('no-return-call.ok'), 1);
    assert.equal(marks('changed-function.ok'), 0);
  });

  it('tells objtool which replacements start without ENDBR', async () => {
    const code = (inner: number, outer: number) => `
      int think(int);
      static __attribute__((noinline)) int inner(int n) { return think(n + ${inner}); }
      int outer(int n) { return inner(n) + ${outer}; }`;
    const marksFor = async (inner: number, outer: number): Promise<number> => {
      const flags = [...SPLIT, '-fcf-protection=branch'];
      const pre = await compileObject(code(1, 1), flags);
      const post = await compileObject(code(inner, outer), flags);
      const diff = diffObjects('x.o', pre, post, LAYOUTS);
      const { bytes } = assembleChanges(own, [{ owner: 'vmlinux', diff }]);
      const { sections } = parseObject(bytes, 'update.o');
      return sections.find(({ name }) => name === '.discard.noendbr')?.relocations.length ?? 0;
    };
    assert.deepEqual([await marksFor(2, 1), await marksFor(1, 2)], [1, 0]);
  });

  it("gives the exit function of a module the name of its author, so that `cleanup_module` is the update's own", async () => {
    const diff = await diffFixture('exit-code.ok', { isModule: true });
    const { bytes } = assembleChanges(own, [{ owner: 'fixture', diff }]);
    const symbols = (await readSymbols(bytes)).filter(({ type }) => type === 'FUNC');
    assert.equal(symbols.filter(({ name }) => name === 'cleanup_module').length, 1);
    const { exit } = diff.selection;
    assert.ok(exit && symbols.some(({ name }) => name === nameModuleExit(exit)));
  });

  it('refers to the copy in calls and to the original in pointers', async () => {
    const { bytes } = assemble('function-pointer.ok');
    const found = await relocationsOf(bytes, 'install');
    const symbols = await readSymbols(bytes);
    const handler = symbols.find(({ name, type }) => name === 'handler' && type === 'FUNC')?.value ?? 0;
    assert.deepEqual(
      found.map(({ type, symbol, addend }) => [type, symbol, addend]),
      [
        ['R_X86_64_PLT32', '__fentry__', -4],
        ['R_X86_64_32S', 'handler', 0],
        ['R_X86_64_PLT32', 'register_handler', -4],
        ['R_X86_64_PC32', '.text', handler - 4],
      ],
    );
    const original = symbols.find(({ name, section }) => name === 'handler' && section === 'UND');
    assert.equal(original?.binding, 'GLOBAL');
  });

  it('turns a branch that the assembler resolved into a relocation', async () => {
    const found = await relocationsOf(assemble('shared-section-call.ok').bytes, 'wait');
    const call = found.find(({ symbol }) => symbol === 'sleep');
    assert.deepEqual([call?.type, call?.addend], ['R_X86_64_PC32', -4]);
  });

  it('carries strings and constants in .rodata', async () => {
    const { bytes } = assemble('string-new.ok');
    const rodata = sectionOf(parseObject(bytes, 'update.o'), '.rodata');
    const strings = (await relocationsOf(bytes, 'warn')).filter(({ symbol }) => symbol === '.rodata');
    assert.deepEqual(
      strings.map(({ addend }) => stringAt(rodata, addend)),
      ['first', 'second'],
    );
    const constants = (await relocationsOf(assemble('constant-merged.ok').bytes, 'changed')).filter(
      ({ symbol }) => symbol === '.rodata',
    );
    const merged = sectionOf(parseObject(assemble('constant-merged.ok').bytes, 'update.o'), '.rodata');
    const places = constants.map(({ addend }) => addend + 4);
    assert.deepEqual(
      places.map((at) => [at % 8, merged.data[at], merged.data[at + 4]]),
      [
        [0, 20, 21],
        [0, 22, 23],
        [0, 24, 26],
      ],
    );
  });

  it('keeps the padding before a function and its alignment', async () => {
    const { bytes } = assemble('padded-entry.ok');
    const symbol = (await readSymbols(bytes)).find(({ name }) => name === 'limit');
    const text = sectionOf(parseObject(bytes, 'update.o'), '.text');
    assert.ok(symbol);
    assert.equal(symbol.value % 16, 0);
    assert.ok(symbol.value >= 16);
    assert.deepEqual([...text.data.subarray(symbol.value - 16, symbol.value)], new Array(16).fill(0x90));
  });

  it('gives new variables room, and their initial values', async () => {
    const { bytes } = assemble('data-new.ok');
    const sections = await readSections(bytes);
    const symbols = await readSymbols(bytes);
    const symbolOf = (name: string) => symbols.find((symbol) => symbol.name === name);
    const placeOf = (name: string) =>
      sections[sections.findIndex(({ index }) => `${index}` === symbolOf(name)?.section)];
    assert.deepEqual([placeOf('buffer')?.name, placeOf('buffer')?.type], ['.bss', 'NOBITS']);
    assert.deepEqual([placeOf('threshold')?.name, placeOf('steps')?.name], ['.data', '.rodata']);
    const data = sectionOf(parseObject(bytes, 'update.o'), '.data');
    assert.equal(data.data[symbolOf('threshold')?.value ?? 0], 40);
    assert.equal(placeOf('buffer')?.size, 64);
  });

  it('has code of one kernel object reach what is new in another, where that is there', async () => {
    const diffOf = async (before: string, after: string) => {
      const [pre, post] = await Promise.all([compileObject(before, SPLIT), compileObject(after, SPLIT)]);
      return diffObjects('x.o', pre, post, LAYOUTS, { isModule: true });
    };
    const user = await diffOf(
      'int use(int n) { return n; }',
      'int gained(int); int use(int n) { return gained(n) + 1; }',
    );
    const giver = await diffOf(
      'int kept(int n) { return n; }',
      'int kept(int n) { return n; } int gained(int n) { return n * 5; }',
    );
    const changes = [
      { owner: 'user', diff: user },
      { owner: 'giver', diff: giver },
    ];
    const reach = (answer: boolean) =>
      assembleChanges(own, changes, [], {
        isInKernel: () => false,
        mayReachNew: (symbol, from, to) => answer && `${symbol} ${from} ${to}` === 'gained user giver',
      }).imports.has('gained');
    assert.ok(!reach(true));
    assert.ok(reach(false));
  });

  it('keeps a weak reference weak', async () => {
    const symbols = await readSymbols(assemble('weak-undefined.ok').bytes);
    const bindingOf = (name: string) => symbols.find((symbol) => symbol.name === name)?.binding;
    assert.deepEqual(['optional', '__fentry__', 'ask'].map(bindingOf), ['WEAK', 'GLOBAL', 'LOCAL']);
  });
});
