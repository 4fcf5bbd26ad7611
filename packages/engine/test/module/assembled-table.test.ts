// The tables that belong to carried code, and those that the livepatch core reads.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { type ObjectFile, parseObject } from '../../src/elf/object.js';
import { type AssembledObject, assembleUpdate } from '../../src/module/assemble.js';
import { BUILD_ENTRY } from '../../src/module/build-table.js';
import { EXIT_ENTRY } from '../../src/module/exit-table.js';
import { FRESH_ENTRY } from '../../src/module/fresh-table.js';
import { ownPart, partOfDiff } from '../../src/module/part.js';
import { diffFixture } from '../diff/fixture.js';
import { LAYOUTS } from '../diff/layouts.js';
import { compileText, inspect } from '../elf/compiler.js';
import { type ReadRelocation, readRelocations, readSections, readSymbols } from '../elf/readelf.js';
import { instructionAt, sectionOf, stringAt } from './listing.js';
import { assembleChanges, compileOwnCode } from './update.js';

describe('the tables of an assembled update', () => {
  let own: Uint8Array;
  before(async () => {
    own = await compileOwnCode();
  });
  const assemble = async (name: string, isModule = false): Promise<AssembledObject> =>
    assembleChanges(own, [
      { owner: isModule ? 'mod' : 'vmlinux', diff: await diffFixture(name, { isModule }) },
    ]);
  const listOf = async (bytes: Uint8Array, list: string) =>
    (await readRelocations(bytes)).filter((relocation) => relocation.list === list);

  it('have the exception entries of the carried functions only', async () => {
    const { bytes } = await assemble('exception-table.ok');
    const table = sectionOf(parseObject(bytes, 'update.o'), '__ex_table');
    assert.equal(table.size, 12);
    assert.equal(new DataView(table.data.buffer, table.data.byteOffset).getInt32(8, true), 4);
    const code = await inspect('objdump', ['-d', '--no-show-raw-insn'], bytes);
    const [insn, fixup] = await listOf(bytes, '.rela__ex_table');
    assert.deepEqual([insn?.symbol, insn?.type, insn?.offset], ['.text', 'R_X86_64_PC32', 0]);
    assert.match(instructionAt(code, insn?.addend ?? 0), /^mov +\(/);
    assert.deepEqual([fixup?.symbol, fixup?.offset], ['.text', 4]);
  });

  it('have jump label entries whose code is a jump and whose key is the one of the running kernel', async () => {
    const { bytes } = await assemble('jump-label-new.ok');
    const code = await inspect('objdump', ['-d', '--no-show-raw-insn'], bytes);
    const entries = await listOf(bytes, '.rela__jump_table');
    assert.equal(entries.length, 6);
    assert.equal(sectionOf(parseObject(bytes, 'update.o'), '__jump_table').size, 32);
    for (const [index, { offset, symbol, addend, type }] of entries.entries()) {
      const [wanted, kind] = index % 3 === 2 ? ['feature', 'R_X86_64_PC64'] : ['.text', 'R_X86_64_PC32'];
      assert.deepEqual([symbol, type], [wanted, kind]);
      if (index % 3 === 0) assert.match(instructionAt(code, addend), /^jmp/);
      if (index % 3 === 2) assert.deepEqual([offset % 16, addend], [8, 2]);
    }
  });

  it('have alternatives with their replacement code, whose call is relocated', async () => {
    const { bytes } = await assemble('alternative-call.ok');
    const [instruction, replacement] = await listOf(bytes, '.rela.altinstructions');
    assert.equal(instruction?.symbol, '.text');
    assert.deepEqual([replacement?.symbol, replacement?.addend], ['.altinstr_replacement', 0]);
    const code = await inspect('objdump', ['-d', '--no-show-raw-insn'], bytes);
    assert.match(instructionAt(code, instruction?.addend ?? 0), /^call/);
    assert.deepEqual(await listOf(bytes, '.rela.altinstr_replacement'), [
      {
        list: '.rela.altinstr_replacement',
        offset: 1,
        type: 'R_X86_64_PLT32',
        symbol: 'new_way',
        addend: -4,
      },
    ]);
    const table = sectionOf(parseObject(bytes, 'update.o'), '.altinstructions');
    assert.deepEqual([...table.data.subarray(8)], [77, 0, 5, 5]);
  });

  it('have lock prefixes and annotations of the carried functions', async () => {
    const locks = await assemble('smp-lock.ok');
    const code = await inspect('objdump', ['-d', '--no-show-raw-insn'], locks.bytes);
    const places = await listOf(locks.bytes, '.rela.smp_locks');
    assert.deepEqual(
      places.map(({ addend }) => instructionAt(code, addend).split(' ').slice(0, 2)),
      [
        ['lock', 'incl'],
        ['lock', 'decl'],
      ],
    );
    const noted = await assemble('annotation-new.ok');
    assert.equal((await listOf(noted.bytes, '.rela.discard.reachable')).length, 1);
  });

  it('have an ftrace entry for every function that calls __fentry__', async () => {
    const { bytes } = await assemble('changed-inline.ok');
    const symbols = await readSymbols(bytes);
    const starts = ['first', 'second', 'fourth', 'init_module', 'cleanup_module'].map(
      (name) => symbols.find((symbol) => symbol.name === name)?.value,
    );
    const places = (await listOf(bytes, '.rela__mcount_loc')).map(({ addend }) => addend);
    assert.deepEqual(
      places,
      starts.toSorted((a = 0, b = 0) => a - b),
    );
  });

  it('have call sites of pr_debug() as an array, for a module', async () => {
    const { bytes } = await assemble('debug-kept.ok', true);
    const [section] = (await readSections(bytes)).filter(({ name }) => name === '__dyndbg');
    assert.equal(section?.size, 56);
    assert.equal(section?.alignment, 8);
    const key = (await listOf(bytes, '.rela__jump_table')).at(-1);
    assert.deepEqual([key?.symbol, key?.addend], ['__dyndbg', 40 + 2]);
  });
});

describe('the table of exit functions of an update', () => {
  it('names the module and points at the new function', async () => {
    const own = await compileText(`struct klp_patch;
      extern struct klp_patch resplice_patch;
      extern char resplice_exits[], resplice_hooks[];
      int klp_enable_patch(struct klp_patch *, void *, void *);
      int init_module(void) { return klp_enable_patch(&resplice_patch, resplice_exits, resplice_hooks); }
      void resplice_pre_patch(void) { } void resplice_post_patch(void) { }
      void resplice_pre_unpatch(void) { } void resplice_post_unpatch(void) { }
      void cleanup_module(void) { }`);
    const diff = await diffFixture('exit-code.ok');
    const replacement = diff.selection.exit;
    assert.ok(replacement);
    const { bytes } = assembleUpdate({
      parts: [partOfDiff('mod', diff), ownPart(parseObject(own, 'own.o'), LAYOUTS)],
      functions: [],
      exits: [{ object: 'mod', replacement }],
      layouts: LAYOUTS,
      isExported: () => false,
      isInKernel: () => true,
    });
    const table = (await readSymbols(bytes)).find(({ name }) => name === 'resplice_exits');
    assert.equal(table?.size, 2 * EXIT_ENTRY.size);
    const rodata = sectionOf(parseObject(bytes, 'update.o'), '.rodata');
    const inTable = (await readRelocations(bytes)).filter(
      ({ list, offset }) =>
        list === '.rela.data' && offset >= table.value && offset < table.value + table.size,
    );
    const [object, call] = inTable;
    assert.equal(inTable.length, 2);
    assert.equal(stringAt(rodata, object?.addend ?? -1), 'mod');
    assert.deepEqual([call?.offset, call?.symbol], [table.value + EXIT_ENTRY.call, 'leave']);
  });
});

describe('the table of modules that are loaded later', () => {
  it('names each with its init function, and the content of its data', async () => {
    const own = await compileText(`struct klp_patch;
      extern struct klp_patch resplice_patch;
      extern char resplice_exits[], resplice_hooks[], resplice_fresh[];
      int klp_enable_patch(struct klp_patch *, void *, void *, void *);
      int init_module(void) {
        return klp_enable_patch(&resplice_patch, resplice_exits, resplice_hooks, resplice_fresh);
      }
      void resplice_pre_patch(void) { } void resplice_post_patch(void) { }
      void resplice_pre_unpatch(void) { } void resplice_post_unpatch(void) { }
      void cleanup_module(void) { }`);
    const assemble = async (name: string) => {
      const diff = await diffFixture(name);
      const { bytes } = assembleUpdate({
        parts: [partOfDiff('mod', diff), ownPart(parseObject(own, 'own.o'), LAYOUTS)],
        functions: [],
        fresh: [{ object: 'mod', init: diff.selection.init }],
        layouts: LAYOUTS,
        isExported: () => false,
        isInKernel: () => true,
      });
      const table = (await readSymbols(bytes)).find((symbol) => symbol.name === 'resplice_fresh');
      assert.ok(table);
      const file = parseObject(bytes, 'update.o');
      const start = table.value;
      const relocations = (await readRelocations(bytes)).filter(
        ({ list, offset }) => list === '.rela.data' && offset >= start && offset < start + table.size,
      );
      const at = (index: number, member: number) =>
        relocations.find(({ offset }) => offset === start + index * FRESH_ENTRY.size + member);
      return { file, table, start, at, all: await readRelocations(bytes) };
    };
    const init = await assemble('fresh-init-code.ok');
    assert.equal(init.table.size, 2 * FRESH_ENTRY.size);
    assert.equal(
      stringAt(sectionOf(init.file, '.rodata'), init.at(0, FRESH_ENTRY.object)?.addend ?? -1),
      'mod',
    );
    assert.equal(init.at(0, FRESH_ENTRY.init)?.symbol, 'init_module');

    const data = await assemble('fresh-data.ok');
    assert.equal(data.table.size, 4 * FRESH_ENTRY.size);
    assert.deepEqual([1, 2].map((index) => data.at(index, FRESH_ENTRY.place)?.symbol).sort(), [
      'level',
      'step',
    ]);
    const bytes = sectionOf(data.file, '.data').data;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const index = [1, 2].find((each) => data.at(each, FRESH_ENTRY.place)?.symbol === 'level') ?? 0;
    const content = data.at(index, FRESH_ENTRY.content);
    assert.equal(content?.symbol, '.data');
    assert.equal(view.getUint32(content?.addend ?? -1, true), 4);
    assert.equal(view.getUint32(data.start + index * FRESH_ENTRY.size + FRESH_ENTRY.length, true), 4);
    const step = data.at(3 - index, FRESH_ENTRY.content)?.addend;
    const pointer = data.all.find(({ list, offset }) => list === '.rela.data' && offset === step);
    assert.equal(pointer?.symbol, '.text');
  });
});

describe('the table of builds', () => {
  it('has the build id of each module, whose callbacks then check it', async () => {
    const own = await compileText(`struct klp_patch;
      extern struct klp_patch resplice_patch;
      extern char resplice_builds[];
      int klp_enable_patch(struct klp_patch *, void *);
      int init_module(void) { return klp_enable_patch(&resplice_patch, resplice_builds); }
      void resplice_pre_patch(void) { } void resplice_post_patch(void) { }
      void resplice_pre_unpatch(void) { } void resplice_post_unpatch(void) { }
      void cleanup_module(void) { }`);
    const diff = await diffFixture('changed-function.ok');
    const functions = diff.replaced.map(({ after }) => ({
      object: 'mod',
      name: 'limit',
      position: 0,
      replacement: after,
    }));
    const buildId = Uint8Array.from({ length: 20 }, (_, index) => index + 1);
    const { bytes } = assembleUpdate({
      parts: [partOfDiff('mod', diff), ownPart(parseObject(own, 'own.o'), LAYOUTS)],
      functions,
      builds: [{ object: 'mod', buildId }],
      layouts: LAYOUTS,
      isExported: () => false,
      isInKernel: () => true,
    });
    const reader = await TableReader.open(bytes);
    const symbols = await readSymbols(bytes);
    const table = symbols.find(({ name }) => name === 'resplice_builds');
    assert.equal(table?.size, 2 * BUILD_ENTRY.size);
    const at = table?.value ?? 0;
    assert.equal(reader.string(at + BUILD_ENTRY.object), 'mod');
    const id = reader.pointer(at + BUILD_ENTRY.id);
    const file = parseObject(bytes, 'update.o');
    const start = id?.addend ?? -1;
    assert.deepEqual(sectionOf(file, '.rodata').data.slice(start, start + 20), buildId);
    assert.equal(sectionOf(file, '.data').data[at + BUILD_ENTRY.length], 20);
    assert.equal(reader.pointer(at + BUILD_ENTRY.size), undefined);
    const object = reader.address((symbols.find(({ name }) => name === 'resplice_patch')?.value ?? 0) + 8);
    const callback = reader.pointer(object + (LAYOUTS.find('klp_object')?.offsets.get('callbacks') ?? 0));
    assert.equal(callback?.symbol, '.text');
  });
});

describe("the update's own code", () => {
  it('brings along what only its table entries refer to', async () => {
    const own = await compileText(`int init_module(void) {
        asm volatile("1: ud2\\n.pushsection __bug_table,\\"aw\\"\\n"
          ".long 1b - ., %c0 - .\\n.word 7, 0\\n.popsection" : : "i" ("a_file.h"));
        return 0;
      }
      void cleanup_module(void) { }`);
    const { bytes } = assembleUpdate({
      parts: [ownPart(parseObject(own, 'own.o'), LAYOUTS)],
      functions: [],
      layouts: LAYOUTS,
      isExported: () => false,
      isInKernel: () => true,
    });
    const [, file] = (await readRelocations(bytes)).filter(({ list }) => list === '.rela__bug_table');
    const rodata = sectionOf(parseObject(bytes, 'update.o'), '.rodata');
    assert.equal(stringAt(rodata, file?.addend ?? -1), 'a_file.h');
  });
});

describe('the livepatch tables of an update', () => {
  it('name each function of each object with its replacement and position', async () => {
    const own = await compileOwnCode();
    const [first, second] = await Promise.all([
      diffFixture('changed-function.ok'),
      diffFixture('changed-inline.ok'),
    ]);
    const parts = [partOfDiff('vmlinux', first), partOfDiff('mod', second)];
    const functions = [
      ...first.replaced.map(({ after }) => ({
        object: 'vmlinux',
        name: 'limit',
        position: 0,
        replacement: after,
      })),
      ...second.replaced.map(({ after }, index) => ({
        object: 'mod',
        name: `${after.name}_in_kernel`,
        position: index + 1,
        replacement: after,
      })),
    ];
    const { bytes } = assembleUpdate({
      parts: [...parts, ownPart(parseObject(own, 'own.o'), LAYOUTS)],
      functions,
      layouts: LAYOUTS,
      isExported: () => false,
      isInKernel: () => true,
    });
    const reader = await TableReader.open(bytes);
    const patch = (await readSymbols(bytes)).find(({ name }) => name === 'resplice_patch');
    assert.deepEqual([patch?.type, patch?.binding, patch?.size], ['OBJECT', 'GLOBAL', 144]);
    const at = patch?.value ?? 0;
    assert.equal(reader.pointer(at)?.symbol, '__this_module');
    const objects = reader.address(at + 8);
    assert.equal(reader.pointer(objects), undefined);
    assert.deepEqual(reader.functions(reader.address(objects + 8)), [['limit', 'limit', 0n]]);
    assert.equal(reader.string(objects + 152), 'mod');
    assert.deepEqual(reader.functions(reader.address(objects + 152 + 8)), [
      ['fourth_in_kernel', 'fourth', 1n],
      ['first_in_kernel', 'first', 2n],
      ['second_in_kernel', 'second', 3n],
    ]);
    assert.equal(reader.pointer(objects + 2 * 152 + 8), undefined);
  });
});

/** Follows pointers through `.data` of an assembled update. */
class TableReader {
  readonly #file: ObjectFile;
  readonly #pointers: ReadonlyMap<number, ReadRelocation>;

  private constructor(file: ObjectFile, pointers: readonly ReadRelocation[]) {
    this.#file = file;
    this.#pointers = new Map(pointers.map((pointer) => [pointer.offset, pointer]));
  }

  static async open(bytes: Uint8Array): Promise<TableReader> {
    const lists = await readRelocations(bytes);
    return new TableReader(
      parseObject(bytes, 'update.o'),
      lists.filter(({ list }) => list === '.rela.data'),
    );
  }

  pointer(at: number): ReadRelocation | undefined {
    return this.#pointers.get(at);
  }

  /** An offset in `.data` that is pointed at. */
  address(at: number): number {
    const pointer = this.pointer(at);
    assert.deepEqual([pointer?.symbol, pointer?.type], ['.data', 'R_X86_64_64'], `at ${at}`);
    return pointer?.addend ?? 0;
  }

  string(at: number): string {
    const pointer = this.pointer(at);
    assert.equal(pointer?.symbol, '.rodata', `at ${at}`);
    return stringAt(sectionOf(this.#file, '.rodata'), pointer?.addend ?? 0);
  }

  /** old_name, new_func and old_sympos of an array of klp_func, up to its null entry. */
  functions(first: number): readonly (readonly [string, string | undefined, bigint])[] {
    const { data } = sectionOf(this.#file, '.data');
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    const found: (readonly [string, string | undefined, bigint])[] = [];
    for (let at = first; this.pointer(at) !== undefined; at += 144)
      found.push([this.string(at), this.pointer(at + 8)?.symbol, view.getBigUint64(at + 16, true)]);
    return found;
  }
}
