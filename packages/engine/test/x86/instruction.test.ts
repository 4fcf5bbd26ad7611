// Our decoder against objdump, on compiled code and on the forms that kernel assembly adds.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { findSection, parseObject, type Section } from '../../src/elf/object.js';
import { decodeInstructions, disassemble, type Instruction } from '../../src/x86/instruction.js';
import { compileText, inspect } from '../elf/compiler.js';

const ASSEMBLY = `.text
endbr64; nop; xchg %ax, %ax; nopl (%rax); nopl 0(%rax,%rax,1); nopw %cs:0x200(%rax,%rax,1)
near: jmp near; jmp far; jne near; jne far; jrcxz near; loop near; call far; call *%rax; jmp *(%rax)
cs jne far; pause; lock incl (%rax); rep movsb; repz cmpsb; ud2; int3; int $3; rdtscp; swapgs
movl $1, here(%rip); movq $here, %rax; movabs $0x1122334455667788, %rax; movb $1, 8(%rax)
movl %gs:here, %eax; incl %gs:here(%rip); cmpxchg16b (%rax); xabort $2; prefetchw (%rax)
verw here(%rip); wrmsr; mov %cr3, %rax; iretq; sysretq; lfence; clac; stac
.fill 200, 1, 0x90
far: ret
.data
here: .long 0
.previous`;

const CODE = `struct s { long a[9]; char b; };
long f(struct s *s, int n)
{
  long t = 0;
  for (int i = 0; i < n; i++)
    t += s->a[i % 9] * (s->b ? i / 7 : t >> 3);
  return t;
}
int g(unsigned n) { return n > 40 ? __builtin_popcount(n) : __builtin_bswap32(n) - (n << 5 | n >> 27); }`;

describe('decoded instructions', () => {
  let bytes: Uint8Array;
  let text: Section;
  let instructions: readonly Instruction[];
  /** objdump's lines of `.text`: address, bytes, text. */
  let lines: readonly (readonly [address: number, length: number, text: string])[];

  before(async () => {
    const quoted = ASSEMBLY.split('\n').map((line) => `"${line}\\n"`);
    bytes = await compileText(`asm(${quoted.join('\n')});\n${CODE}`, []);
    const found = findSection(parseObject(bytes, 'forms.o'), '.text');
    assert.ok(found);
    text = found;
    instructions = decodeInstructions(text.data);
    const listing = await inspect('objdump', ['-d', '-z', '-w', '-j', '.text'], bytes);
    lines = listing.split('\n').flatMap((line) => {
      const match = /^ +([0-9a-f]+):\t((?:[0-9a-f]{2} )+) *\t(.*)$/.exec(line);
      if (match === null) return [];
      const [, address = '', code = '', instruction = ''] = match;
      return [[Number.parseInt(address, 16), code.trim().split(' ').length, instruction.trim()] as const];
    });
  });

  it('start and end where those of objdump do', () => {
    assert.ok(lines.length > 200 + 2 * ASSEMBLY.split('\n').length);
    assert.deepEqual(
      instructions.map(({ offset, length }) => [offset, length]),
      lines.map(([address, length]) => [address, length]),
    );
    assert.ok(instructions.every(({ valid }) => valid));
  });

  it('are branches with the target that objdump shows', () => {
    const relocated = new Set(text.relocations.map(({ offset }) => offset));
    let branches = 0;
    for (const [index, instruction] of instructions.entries()) {
      const [, , shown = ''] = lines[index] ?? [];
      const match = /^(?:cs |ds |bnd )?(call|jmp|j\w+?)(?:,p[nt])? +([0-9a-f]+) </.exec(shown);
      const isDirect = match !== null && !shown.startsWith('jrcxz');
      assert.equal(instruction.branch !== 'other', isDirect, shown);
      if (!isDirect) continue;
      const kind = match[1] === 'call' ? 'call' : match[1] === 'jmp' ? 'jump' : 'conditional';
      assert.equal(instruction.branch, kind, shown);
      const operand = instruction.immediate;
      assert.ok(operand, shown);
      if (!relocated.has(instruction.offset + operand.at))
        assert.equal(instruction.target, Number.parseInt(match[2] ?? '', 16), shown);
      branches++;
    }
    assert.ok(branches > 10);
  });

  it('have the same condition in the short and in the near form', () => {
    const conditions = instructions.filter(({ branch }) => branch === 'conditional');
    const lengths = new Set(conditions.map(({ length }) => length));
    assert.ok(lengths.has(2) && lengths.has(6) && lengths.has(7));
    const atNear = conditions.filter((instruction) => /^(?:cs )?jne/.test(shownAt(instruction)));
    assert.equal(atNear.length >= 3, true);
    assert.deepEqual([...new Set(atNear.map(({ condition }) => condition))], [5]);
  });

  it('are no-ops where objdump shows a nop, and pause and endbr64 are none', () => {
    for (const instruction of instructions) {
      const shown = shownAt(instruction);
      const isNop = /^(?:data16 |cs )*nop[wl]?\b|^xchg +%ax,%ax/.test(shown);
      assert.equal(instruction.nop, isNop, shown);
    }
  });

  it('tell where displacement and immediate lie', () => {
    const at = (pattern: RegExp) => instructions.find((instruction) => pattern.test(shownAt(instruction)));
    assert.deepEqual(at(/^movl +\$0x1,0x0\(%rip\)/), {
      ...at(/^movl +\$0x1,0x0\(%rip\)/),
      displacement: { at: 2, size: 4 },
      immediate: { at: 6, size: 4 },
      ripRelative: true,
    });
    assert.deepEqual(at(/^movabs/)?.immediate, { at: 2, size: 8 });
    assert.deepEqual(at(/^movb +\$0x1,0x8/)?.displacement, { at: 2, size: 1 });
    assert.equal(at(/^movb/)?.ripRelative, false);
  });

  it('are invalid, and together cover all bytes, where there is no code', () => {
    for (const bytes of [[0x06, 0xc3, 0x90], [0xe8, 1, 2], [0xff, 0xff, 0xff], [0x62], [0x0f]]) {
      const decoded = decodeInstructions(Uint8Array.from(bytes));
      assert.equal(decoded[0]?.valid, false);
      let next = 0;
      for (const { offset, length } of decoded) {
        assert.equal(offset, next);
        next += length;
      }
      assert.equal(next, bytes.length);
    }
    assert.deepEqual(decodeInstructions(new Uint8Array(0)), []);
  });

  it('are shown with absolute targets', () => {
    const shown = disassemble(
      Uint8Array.from([0xe8, 0xfb, 0xff, 0xff, 0xff, 0x90, 0x06]),
      0xffffffff81000000n,
    );
    assert.deepEqual(
      shown.map(({ offset, length }) => [offset, length]),
      [
        [0, 5],
        [5, 1],
        [6, 1],
      ],
    );
    assert.match(shown[0]?.text ?? '', /^call.*ffffffff81000000$/i);
    assert.deepEqual(shown[2]?.text, '(bad) 0x6');
  });

  function shownAt({ offset }: Instruction): string {
    return lines.find(([address]) => address === offset)?.[2] ?? '';
  }
});
