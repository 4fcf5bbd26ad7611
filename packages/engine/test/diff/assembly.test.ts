// Objects of assembly files: functions in sections of their own, and code that is no function in the sense of C.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { diffObjects } from '../../src/diff/object-diff.js';
import { isPlainText } from '../../src/diff/plain-text.js';
import { parseObject } from '../../src/elf/object.js';
import { compileObject } from '../elf/compiler.js';
import { readSymbols } from '../elf/readelf.js';
import { assembleChanges, compileOwnCode } from '../module/update.js';
import { LAYOUTS } from './layouts.js';

/** As kmod/assembly-sections.h makes it: a function that goes on in local code, which begins at a label without a symbol. */
const text = (value: number) => `asm(
  ".section \\".text.resplice.get\\",\\"ax\\",@progbits\\n.globl get\\n.type get, @function\\nget:\\n"
  "cmp $${value}, %edi\\njae bad\\nmov %edi, %eax\\nret\\nint3\\n.size get, .-get\\n"
  ".section \\".text.resplice..Lbad\\",\\"ax\\",@progbits\\n.Lbad_early:\\nxor %edx, %edx\\nbad:\\nmov $-14, %eax\\nret\\nint3\\n");`;

const options = { engine: 'trampoline', isAssembly: true } as const;

describe('an object of an assembly file', () => {
  it('can have sections for its functions only where it has nothing but code in .text', async () => {
    const plain = 'asm(".text\\n.globl f\\nf: ret\\n");';
    assert.equal(isPlainText(await compileObject(plain, [])), true);
    for (const other of [
      '.section .noinstr.text,\\"ax\\"\\nnop',
      '.data\\n.long 1',
      '.section .init.text,\\"ax\\"\\nnop',
    ])
      assert.equal(isPlainText(await compileObject(`${plain} asm("${other}\\n");`, [])), false, other);
  });

  it('brings along the local code that a function goes on in, all of it, and leaves it without a type', async () => {
    const [pre, post] = await Promise.all([compileObject(text(100)), compileObject(text(200))]);
    const diff = diffObjects('x.o', pre, post, LAYOUTS, options);
    assert.deepEqual(diff.reasons, []);
    const included = diff.selection.included.map(({ name, prefix }) => [name, prefix]);
    assert.deepEqual(included, [
      ['get', 0],
      ['bad', 2],
    ]);
    const { bytes } = assembleChanges(await compileOwnCode(), [{ owner: 'vmlinux', diff }]);
    const types = new Map((await readSymbols(bytes)).map(({ name, type }) => [name, type]));
    assert.deepEqual([types.get('get'), types.get('bad')], ['FUNC', 'NOTYPE']);
    assert.ok(parseObject(bytes, 'update.o').symbols.length > 0);
  });
});
