// The module that the kernel loads, judged by readelf against Documentation/livepatch/module-elf-format.rst.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { parseObject } from '../../src/elf/object.js';
import type { AssembledObject } from '../../src/module/assemble.js';
import { type Binding, type FinishedModule, finalizeModule } from '../../src/module/finalize.js';
import type { ModuleIdentity } from '../../src/module/module-section.js';
import { diffFixture } from '../diff/fixture.js';
import { LAYOUTS } from '../diff/layouts.js';
import { compileText, inspect } from '../elf/compiler.js';
import { readRelocations, readSections, readSymbols } from '../elf/readelf.js';
import { sectionOf } from './listing.js';
import { assembleChanges, compileOwnCode } from './update.js';

const IDENTITY: ModuleIdentity = {
  name: 'resplice_test',
  vermagic: '6.1.0-47-amd64 SMP preempt mod_unload modversions ',
  description: 'a test\nof two lines',
  engine: 'livepatch',
  retpoline: true,
  namespaces: ['CRYPTO_INTERNAL'],
  layoutCrc: 0x01020304,
};

const inKernel = (name: string, position = 0): Binding => ({
  kind: 'symbol',
  object: 'vmlinux',
  name,
  position,
  applyWith: 'vmlinux',
});
const inModule = (name: string): Binding => ({
  kind: 'symbol',
  object: 'mod',
  name,
  position: 2,
  applyWith: 'mod',
});
const exported = (crc: number): Binding => ({ kind: 'export', crc });

/** Every import that is not in `bindings` is an exported symbol. */
function finalize(
  { bytes, imports }: AssembledObject,
  bindings: Readonly<Record<string, Binding>>,
  identity = IDENTITY,
): FinishedModule {
  const all = [...imports.keys()].map((name): [string, Binding] => [
    name,
    bindings[name] ?? exported(0xabcd),
  ]);
  return finalizeModule({ bytes, bindings: new Map(all), identity, layouts: LAYOUTS });
}

describe('a finished module', () => {
  let assembled: AssembledObject;
  let finished: FinishedModule;

  before(async () => {
    const [own, diff] = await Promise.all([compileOwnCode(), diffFixture('function-pointer.ok')]);
    assembled = assembleChanges(own, [{ owner: 'vmlinux', diff }], ['__fentry__', '__x86_return_thunk']);
    finished = finalize(assembled, {
      handler: inKernel('handler', 3),
      work: inKernel('work'),
      register_handler: inModule('register_handler'),
      klp_enable_patch: exported(0xfedcba98),
    });
  });

  it('is made without a reason against it, the same each time, and readelf reads it', async () => {
    assert.deepEqual(finished.reasons, []);
    const again = finalize(assembled, {
      handler: inKernel('handler', 3),
      work: inKernel('work'),
      register_handler: inModule('register_handler'),
      klp_enable_patch: exported(0xfedcba98),
    });
    assert.deepEqual(again.bytes, finished.bytes);
    assert.doesNotMatch(await inspect('readelf', ['-aW'], finished.bytes), /warning|error/i);
  });

  it('has relocations for the livepatch core, one section for each object and section', async () => {
    const sections = await readSections(finished.bytes);
    const indexOf = (name: string) => sections.find((section) => section.name === name)?.index;
    const lists = sections.filter(({ name }) => name.startsWith('.klp.rela.'));
    assert.deepEqual(
      lists.map(({ name, type, flags, link, info }) => [name, type, flags, link, info]),
      ['.klp.rela.vmlinux..text', '.klp.rela.mod..text'].map((name) => [
        name,
        'RELA',
        'AIo',
        indexOf('.symtab'),
        indexOf('.text'),
      ]),
    );
    const { flags } = sectionOf(parseObject(finished.bytes, 'module'), '.klp.rela.mod..text');
    assert.equal(flags, 0x100000 | 0x40 | 0x2);
  });

  it('has livepatch symbols with object, name and position, and nothing of them in the plain relocations', async () => {
    const symbols = await readSymbols(finished.bytes);
    const livepatch = symbols.filter(({ section }) => section === 'OS [0xff20]');
    const names = [
      '.klp.sym.vmlinux.work,0',
      '.klp.sym.vmlinux.handler,3',
      '.klp.sym.mod.register_handler,2',
    ];
    assert.deepEqual(livepatch.map(({ name }) => name).sort(), names.toSorted());
    assert.deepEqual([...new Set(livepatch.map(({ binding }) => binding))], ['GLOBAL']);
    const relocations = await readRelocations(finished.bytes);
    for (const { list, symbol } of relocations)
      assert.equal(symbol.startsWith('.klp.sym.'), list.startsWith('.klp.rela.'), `${list} ${symbol}`);
    const undefinedNames = symbols.filter(({ section, name }) => section === 'UND' && name !== '');
    assert.deepEqual(
      undefinedNames.map(({ name }) => name),
      ['__fentry__', 'klp_enable_patch', '__x86_return_thunk'],
    );
  });

  it('keeps every relocation of the assembled object', async () => {
    const [before, after] = await Promise.all([assembled.bytes, finished.bytes].map(readRelocations));
    const places = (list: typeof before) =>
      (list ?? [])
        .map(
          ({ list, offset, type, addend }) =>
            `${list.replace(/^\.klp\.rela\.\w+\./, '.rela')} ${offset} ${type} ${addend}`,
        )
        .filter((line) => !line.startsWith('.rela.discard'))
        .sort();
    assert.deepEqual(places(after), places(before));
  });

  it('has the checksums of the exported symbols and of module_layout, in order of name', () => {
    const { data, size } = sectionOf(parseObject(finished.bytes, 'module'), '__versions');
    const view = new DataView(data.buffer, data.byteOffset, size);
    const entries = Array.from({ length: size / 64 }, (_, index) => [
      Buffer.from(data.subarray(index * 64 + 8, index * 64 + 64))
        .toString('latin1')
        .replace(/\0+$/, ''),
      view.getBigUint64(index * 64, true),
    ]);
    assert.deepEqual(entries, [
      ['__fentry__', 0xabcdn],
      ['__x86_return_thunk', 0xabcdn],
      ['klp_enable_patch', 0xfedcba98n],
      ['module_layout', 0x01020304n],
    ]);
  });

  it('has no checksums for a kernel without MODVERSIONS', () => {
    const { bytes } = finalize(assembled, {}, { ...IDENTITY, layoutCrc: undefined });
    const { sections } = parseObject(bytes, 'module');
    assert.ok(!sections.some(({ name }) => name === '__versions'));
  });

  it('describes itself in .modinfo as a livepatch module of this kernel', () => {
    const { data } = sectionOf(parseObject(finished.bytes, 'module'), '.modinfo');
    assert.deepEqual(Buffer.from(data).toString('latin1').split('\0'), [
      'license=GPL',
      'description=a test of two lines',
      'livepatch=Y',
      'depends=',
      'import_ns=CRYPTO_INTERNAL',
      'retpoline=Y',
      'name=resplice_test',
      `vermagic=${IDENTITY.vermagic}`,
      '',
    ]);
  });

  it('has a struct module with its name, whose init and exit are relocated', async () => {
    const section = sectionOf(parseObject(finished.bytes, 'module'), '.gnu.linkonce.this_module');
    assert.equal(section.size, 1024);
    const name = Buffer.from(section.data.subarray(24, 24 + IDENTITY.name.length + 1)).toString('latin1');
    assert.equal(name, `${IDENTITY.name}\0`);
    const symbols = await readSymbols(finished.bytes);
    const [text] = (await readSections(finished.bytes)).filter((found) => found.name === '.text');
    const places = (await readRelocations(finished.bytes))
      .filter(({ list }) => list === '.rela.gnu.linkonce.this_module')
      .map(({ offset, type, symbol, addend }) => {
        const target = symbols.find(
          ({ type, value, section }) => type === 'FUNC' && value === addend && section === `${text?.index}`,
        );
        return [offset, type, symbol === '.text' ? target?.name : symbol];
      });
    assert.deepEqual(places, [
      [400, 'R_X86_64_64', 'init_module'],
      [800, 'R_X86_64_64', 'cleanup_module'],
    ]);
  });

  it('is without what only tools read', async () => {
    const own = await compileOwnCode();
    const noted = assembleChanges(own, [{ owner: 'vmlinux', diff: await diffFixture('annotation-new.ok') }]);
    const sections = await readSections(finalize(noted, {}).bytes);
    assert.ok(sections.some(({ name }) => name === '.text'));
    assert.deepEqual(
      sections.filter(({ name }) => /discard|comment|GNU-stack/.test(name)),
      [],
    );
  });
});

describe('finishing a module', () => {
  it('refuses a table read at loading that refers to a module, and gives it the symbols of vmlinux', async () => {
    const [own, diff] = await Promise.all([compileOwnCode(), diffFixture('jump-label-new.ok')]);
    const late = finalize(assembleChanges(own, [{ owner: 'mod', diff }]), { feature: inModule('feature') });
    assert.deepEqual(
      late.reasons.map(({ code, subject }) => [code, subject.section, subject.symbol, subject.offset]),
      [
        ['module-special-section', '__jump_table', 'feature', 8],
        ['module-special-section', '__jump_table', 'feature', 24],
      ],
    );
    const early = finalize(assembleChanges(own, [{ owner: 'vmlinux', diff }]), {
      feature: inKernel('feature'),
    });
    assert.deepEqual(early.reasons, []);
    const lists = (await readSections(early.bytes))
      .map(({ name }) => name)
      .filter((name) => /klp/.test(name));
    assert.deepEqual(lists, ['.klp.rela.vmlinux.__jump_table']);
  });

  it('refuses a relocation that the module loader does not apply', async () => {
    const text = 'asm(".text\\nstart: movq there@GOTPCREL(%rip), %rax\\nret\\n");';
    const { reasons } = finalizeModule({
      bytes: await compileText(text, ['-Wa,-mrelax-relocations=no']),
      bindings: new Map([['there', exported(1)]]),
      identity: IDENTITY,
      layouts: LAYOUTS,
    });
    assert.deepEqual(
      reasons.map(({ code, subject, found }) => [code, subject.section, subject.offset, found]),
      [['unsupported-relocation', '.text', 3, 'it refers to R_X86_64_GOTPCREL']],
    );
  });

  it('leaves a weak symbol that the kernel does not have to the module loader', async () => {
    const [own, diff] = await Promise.all([compileOwnCode(), diffFixture('weak-undefined.ok')]);
    const { bytes, imports } = assembleChanges(own, [{ owner: 'vmlinux', diff }]);
    const bindings = new Map([...imports.keys()].map((name) => [name, exported(1)]));
    bindings.delete('optional');
    const finished = finalizeModule({ bytes, bindings, identity: IDENTITY, layouts: LAYOUTS });
    assert.deepEqual(finished.reasons, []);
    const symbol = (await readSymbols(finished.bytes)).find(({ name }) => name === 'optional');
    assert.deepEqual([symbol?.binding, symbol?.section], ['WEAK', 'UND']);
  });

  it('treats a name that is too long and a symbol without a binding as its own bugs', async () => {
    const [own, diff] = await Promise.all([compileOwnCode(), diffFixture('changed-function.ok')]);
    const { bytes, imports } = assembleChanges(own, [{ owner: 'vmlinux', diff }]);
    const bindings = new Map([...imports.keys()].map((name) => [name, exported(1)]));
    const input = { bytes, bindings, identity: IDENTITY, layouts: LAYOUTS };
    assert.throws(() => finalizeModule({ ...input, identity: { ...IDENTITY, name: 'x'.repeat(56) } }), {
      name: 'InternalError',
      code: 'module-name-too-long',
    });
    assert.throws(() => finalizeModule({ ...input, bindings: new Map() }), {
      name: 'InternalError',
      code: 'no-binding',
    });
    const known = finalizeModule({ ...input, identity: { ...IDENTITY, name: 'x'.repeat(55) } });
    assert.deepEqual(known.reasons, []);
  });
});
