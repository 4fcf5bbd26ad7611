// A module linked to made-up addresses reads like a part of the kernel.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { parseBtf } from '../../src/btf/index.js';
import { ByteWriter } from '../../src/bytes/index.js';
import { openSide } from '../../src/diff/object-diff.js';
import { findSection, type ObjectFile, parseObject } from '../../src/elf/object.js';
import { matchObject } from '../../src/match/match-object.js';
import { type LinkedModule, linkModule } from '../../src/match/module-object.js';
import { decodeInstructions } from '../../src/x86/instruction.js';
import { LAYOUTS } from '../diff/layouts.js';
import { compileObject, compileText, forAll, inTemporaryFolder } from '../elf/compiler.js';

const run = promisify(execFile);

const source = (name: string, n: number) => `#include "kernel.h"
static int count = ${n};
static char room[64];
static noinline int helper(int n) { room[n] = n; return think((count += n) + room[n & 7]); }
int ${name}(int n) { printk("${name}"); return helper(n) + 1; }
int (*${name}_pointer)(int) = ${name};
`;

/** BTF without a single type: these modules have no table whose entries are structures. */
const NO_TYPES = parseBtf(
  new ByteWriter().u16(0xeb9f).u8(1).u8(0).u32(24).u32(0).u32(0).u32(0).u32(1).u8(0).finish(),
  { file: 'btf' },
);

async function buildModule(): Promise<ObjectFile> {
  return inTemporaryFolder(async (folder) => {
    const objects = await forAll(['one', 'two'], async (name) => {
      const path = join(folder, `${name}.o`);
      await writeFile(path, await compileText(source(name, name.length), []));
      return path;
    });
    const output = join(folder, 'mod.ko');
    await run('ld', ['-r', '-o', output, ...objects]);
    return parseObject(new Uint8Array(await readFile(output)), 'mod.ko');
  });
}

describe('a linked module', () => {
  let file: ObjectFile;
  let module: LinkedModule;

  before(async () => {
    file = await buildModule();
    module = linkModule('mod', file, NO_TYPES);
  });

  const addressOf = (name: string): bigint => {
    const [address, ...others] = module.addressesOf(name);
    assert.ok(address !== undefined && others.length === 0, name);
    return address;
  };

  it('has every symbol at one address, and namesakes at one each', () => {
    assert.equal(module.name, 'mod');
    for (const name of ['one', 'two', 'one_pointer', 'think', 'printk'])
      assert.ok(addressOf(name) > 0xffffffff80000000n);
    assert.equal(new Set(module.addressesOf('helper')).size, 2);
    assert.deepEqual(module.addressesOf('nowhere'), []);
  });

  it('counts namesakes as livepatch does, in the order of the symbol table', () => {
    assert.equal(module.position('one', addressOf('one')), 0);
    const helpers = file.symbols.filter(({ name }) => name === 'helper');
    for (const [index, { section, value }] of helpers.entries()) {
      assert.ok(section);
      assert.equal(module.position('helper', module.addressOf(section, value) ?? 0n), index + 1);
    }
    assert.equal(module.position('one', addressOf('two')), undefined);
    assert.equal(module.position('think', addressOf('think')), undefined);
  });

  it('has its relocations applied', () => {
    const at = addressOf('one');
    const [first] = decodeInstructions(module.read(at, 16));
    assert.equal(first?.branch, 'call');
    assert.equal(at + BigInt(first?.target ?? 0), addressOf('__fentry__'));
    const pointer = Buffer.from(module.read(addressOf('one_pointer'), 8)).readBigUInt64LE();
    assert.equal(pointer, at);
    for (const count of module.addressesOf('count'))
      assert.equal(Buffer.from(module.read(count, 4)).readInt32LE(), 3);
  });

  it('reads zeros from .bss, and nothing outside of its sections', () => {
    const [room] = module.addressesOf('room');
    assert.deepEqual(module.read(room ?? 0n, 64), new Uint8Array(64));
    assert.equal(module.read(0x1000n, 4).length, 0);
    assert.equal(module.read(addressOf('think'), 4).length, 0);
  });

  it('locates what it has placed', () => {
    for (const section of file.sections.filter(({ flags, size }) => (flags & 2) !== 0 && size > 0)) {
      const address = module.addressOf(section, section.size - 1);
      assert.deepEqual(module.locate(address ?? 0n), { section, offset: section.size - 1 });
    }
    assert.equal(module.locate(addressOf('think')), undefined);
    const comment = findSection(file, '.comment');
    assert.ok(comment);
    assert.equal(module.addressOf(comment, 0), undefined);
  });

  it('names what loading changes: relocated fields, and the call for ftrace', () => {
    const at = addressOf('one');
    const sites = module.sitesIn(at, 5).map(({ address, length, kind }) => [address - at, length, kind]);
    assert.deepEqual(sites, [
      [0n, 5, 'fentry'],
      [1n, 4, 'relocation'],
    ]);
  });

  it('is matched by one of its rebuilt objects, its own helper and not that of the other', async () => {
    for (const [index, name] of ['one', 'two'].entries()) {
      const side = openSide(await compileObject(source(name, 3)), LAYOUTS);
      const match = matchObject(side, module);
      assert.deepEqual([match.mismatches.size, match.ambiguous.size, match.missing.length], [0, 0, 0]);
      const found = [...match.functions].map(([definition, { address }]) => [definition.name, address]);
      assert.deepEqual(
        found.sort(),
        [
          ['helper', module.addressesOf('helper')[index]],
          [name, addressOf(name)],
        ].sort(),
      );
      assert.equal(match.externals.get('think'), addressOf('think'));
    }
    const changed = openSide(await compileObject(source('one', 3).replace('+ 1', '+ 2')), LAYOUTS);
    assert.deepEqual(
      [...matchObject(changed, module).mismatches.keys()].map(({ name }) => name),
      ['one'],
    );
  });
});
