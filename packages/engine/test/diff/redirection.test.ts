// What each engine can redirect: the livepatch core what has an ftrace entry, a trampoline what has room for a jump.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findJumpPlace } from '../../src/diff/jump-place.js';
import { diffObjects, type ObjectDiff } from '../../src/diff/object-diff.js';
import { compileObject } from '../elf/compiler.js';
import { diffFixture } from './fixture.js';
import { LAYOUTS } from './layouts.js';

const trampoline = { engine: 'trampoline' } as const;
const replacedBy = ({ replaced }: ObjectDiff) => replaced.map(({ after }) => after.name);
const codesOf = ({ reasons }: ObjectDiff) => reasons.map(({ code }) => code);

/** Functions as an assembler file writes them, all in one section. */
function assembly(...functions: readonly (readonly [name: string, body: string])[]): string {
  const text = functions.map(
    ([name, body]) =>
      `".globl ${name}\\n.type ${name}, @function\\n${name}:\\n${body}\\n.size ${name}, .-${name}\\n"`,
  );
  return `asm(".text\\n" ${text.join(' ')});`;
}

async function diffAssembly(before: string, after: string): Promise<ObjectDiff> {
  const [pre, post] = await Promise.all([compileObject(before), compileObject(after)]);
  return diffObjects('x.o', pre, post, LAYOUTS, trampoline);
}

describe('the trampoline engine', () => {
  it('redirects notrace functions, which the livepatch core cannot', async () => {
    assert.deepEqual(codesOf(await diffFixture('notrace.refused')), ['not-traceable']);
    const diff = await diffFixture('notrace.refused', trampoline);
    assert.deepEqual([replacedBy(diff), codesOf(diff)], [['raw'], []]);
  });

  it('redirects a function of an assembly file', async () => {
    const body = (n: number) => `mov $${n}, %eax\\nadd %edi, %eax\\nret\\nint3`;
    const diff = await diffAssembly(assembly(['add_n', body(1)]), assembly(['add_n', body(2)]));
    assert.deepEqual([replacedBy(diff), codesOf(diff)], [['add_n'], []]);
  });

  it('refuses one that is too short for a jump', async () => {
    const diff = await diffAssembly(
      assembly(['tiny', 'mov $1, %al\\nret']),
      assembly(['tiny', 'mov $2, %al\\nret']),
    );
    assert.deepEqual(codesOf(diff), ['no-room-for-jump']);
  });

  it('refuses one that other code enters in its middle', async () => {
    const text = (n: number, how: string) =>
      assembly(
        ['whole', `mov $${n}, %eax\\nmov $0, %edx\\n${how} add %edi, %eax\\nret\\nint3`],
        ['half', 'mov $9, %eax\\n.byte 0xe9\\n.long inside - . - 4'],
      );
    const local = 'inside:';
    assert.deepEqual(codesOf(await diffAssembly(text(1, local), text(2, local))), ['branch-into-function']);
    const known = '.globl inside\\ninside:';
    assert.deepEqual(codesOf(await diffAssembly(text(1, known), text(2, known))), ['branch-into-function']);
  });

  it('refuses code that runs before the page tables of the kernel are in use', async () => {
    const text = (n: number) =>
      `__attribute__((section(".entry.text"), no_instrument_function)) int enter(int n) { return n * ${n} + 4096; }`;
    assert.deepEqual(codesOf(await diffAssembly(text(3), text(5))), ['entry-code']);
  });
});

describe('the place of the jump', () => {
  const ENDBR = [0xf3, 0x0f, 0x1e, 0xfa];
  const code = (size: number, start: readonly number[] = []) =>
    Uint8Array.from({ length: size }, (_, i) => start[i] ?? 0x90);

  it('is behind ENDBR and behind the call for ftrace', () => {
    const fentry = (at: number) => ({ at, length: 5, kind: 'fentry' });
    assert.deepEqual(findJumpPlace(code(20), []), { ok: true, at: 0 });
    assert.deepEqual(findJumpPlace(code(20, ENDBR), []), { ok: true, at: 4 });
    assert.deepEqual(findJumpPlace(code(20), [fentry(0)]), { ok: true, at: 5 });
    assert.deepEqual(findJumpPlace(code(20, ENDBR), [fentry(4)]), { ok: true, at: 9 });
  });

  it('is refused where the function ends before, and taken where it ends with the jump', () => {
    assert.equal(findJumpPlace(code(4), []).ok, false);
    assert.equal(findJumpPlace(code(5), []).ok, true);
    assert.equal(findJumpPlace(code(13, ENDBR), [{ at: 4, length: 5, kind: 'fentry' }]).ok, false);
  });

  for (const kind of ['jump-label', 'static-call']) {
    it(`is refused on a ${kind}, which the kernel rewrites later`, () => {
      const place = findJumpPlace(code(20), [{ at: 4, length: 5, kind }]);
      assert.equal(place.ok ? '' : place.code, 'site-in-the-way');
      assert.equal(findJumpPlace(code(20), [{ at: 5, length: 5, kind }]).ok, true);
    });
  }

  it('may cover what is only rewritten at boot, and what the machine is asked about', () => {
    for (const kind of ['alternative', 'return-thunk', 'retpoline', 'paravirt', 'smp-lock'])
      assert.deepEqual(findJumpPlace(code(20), [{ at: 0, length: 6, kind }]), { ok: true, at: 0 });
  });
});
