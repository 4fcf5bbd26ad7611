// What a dry run with patched build rules says against the recorded commands.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CompileDatabase } from '../../src/tree/compile-database.js';
import { compareRecipes, isDirectoryRule, isOptionRule } from '../../src/tree/patched-rules.js';
import type { Recipe } from '../../src/tree/recipe.js';

/** net/a.o and net/b.o in vmlinux, fs/m.o in the module fs/big.ko. */
const database = new CompileDatabase({
  format: 1,
  words: ['gcc', '-O2'],
  lists: [[0, 1], []],
  objects: [
    ['net/a.o', 'net/a.c', 0, 1, -1, 0],
    ['net/b.o', 'net/b.c', 0, 1, -1, 0],
    ['fs/m.o', 'fs/m.c', 0, 1, -1, 2, 0],
  ],
  modules: [['fs/big', 2]],
  moduleObjtool: ['objtool'],
  generated: [],
});

const compile = (name: string, ...more: string[]): Recipe => ({
  kind: 'compile',
  object: `${name}.o`,
  source: `${name}.c`,
  arguments: ['gcc', '-O2', ...more],
  objtool: null,
});
const archive = (directory: string, ...names: string[]): Recipe => ({
  kind: 'archive',
  archive: `${directory}/built-in.a`,
  members: names.map((name) => `${directory}/${name}.o`),
});
const module = (path: string, ...members: string[]): Recipe => ({ kind: 'module', path, members });
const compare = (directory: string, ...recipes: Recipe[]) =>
  compareRecipes({ database }, recipes, [directory]);

describe('patched build rules', () => {
  it('that come to the same are no change', () => {
    const { added, recompiled, reasons } = compare(
      'net',
      compile('net/a'),
      compile('net/b'),
      archive('net', 'a', 'b'),
    );
    assert.deepEqual([added, recompiled, reasons], [[], [], []]);
  });

  it('add an object to the kernel', () => {
    const rules = compare(
      'net',
      ...['a', 'b', 'c'].map((name) => compile(`net/${name}`)),
      archive('net', 'a', 'b', 'c'),
    );
    assert.deepEqual(rules.added, ['net/c.o']);
    assert.deepEqual(rules.database.find('net/c.o')?.place, 'vmlinux');
    assert.deepEqual(
      rules.database.bySource('net/c.c').map(({ object }) => object),
      ['net/c.o'],
    );
    assert.equal(database.find('net/c.o'), undefined);
  });

  it('add an object to a module that exists', () => {
    const rules = compare('fs', compile('fs/m'), compile('fs/n'), module('fs/big', 'fs/m.o', 'fs/n.o'));
    assert.deepEqual(rules.added, ['fs/n.o']);
    assert.deepEqual(rules.database.find('fs/n.o')?.modules, ['big']);
  });

  it('add a module, which has no part in the running kernel', () => {
    const rules = compare(
      'fs',
      compile('fs/m'),
      module('fs/big', 'fs/m.o'),
      compile('fs/other'),
      module('fs/other', 'fs/other.o'),
    );
    assert.deepEqual([rules.added, rules.notBuilt], [[], ['fs/other.c']]);
  });

  it('change the flags of an object', () => {
    const rules = compare('net', compile('net/a', '-DX'), compile('net/b'), archive('net', 'a', 'b'));
    assert.deepEqual(rules.recompiled, ['net/a.o']);
    assert.deepEqual(rules.database.find('net/a.o')?.arguments, ['gcc', '-O2', '-DX']);
  });

  it('are refused when they take an object out, or put it elsewhere', () => {
    const subjects = (rules: ReturnType<typeof compare>) =>
      rules.reasons.map(({ code, subject }) => [code, subject.object]);
    assert.deepEqual(subjects(compare('net', compile('net/a'), archive('net', 'a'))), [
      ['patch-changes-build', 'net/b.o'],
    ]);
    assert.deepEqual(subjects(compare('fs', compile('fs/m'), module('fs/small', 'fs/m.o'))), [
      ['patch-changes-build', 'fs/m.o'],
    ]);
    const two = new CompileDatabase({
      format: 1,
      words: ['gcc', '-O2'],
      lists: [[0, 1], []],
      objects: [
        ['fs/m.o', 'fs/m.c', 0, 1, -1, 2, 0],
        ['fs/k.o', 'fs/k.c', 0, 1, -1, 2, 1],
      ],
      modules: [
        ['fs/big', 0],
        ['fs/small', 1],
      ],
      moduleObjtool: ['objtool'],
      generated: [],
    });
    const moved = [compile('fs/m'), compile('fs/k'), module('fs/small', 'fs/m.o', 'fs/k.o')];
    assert.deepEqual(subjects(compareRecipes({ database: two }, moved, ['fs'])), [
      ['patch-changes-build', 'fs/m.o'],
    ]);
  });

  it('can be asked for directories and options, not for what steers the whole build', () => {
    assert.deepEqual(
      ['net/Makefile', 'arch/x86/kvm/Makefile', 'Makefile', 'arch/x86/Makefile', 'scripts/Makefile.lib'].map(
        isDirectoryRule,
      ),
      [true, true, false, false, false],
    );
    assert.deepEqual(['net/Kconfig', 'lib/Kconfig.debug', 'net/Makefile'].map(isOptionRule), [
      true,
      true,
      false,
    ]);
  });
});
