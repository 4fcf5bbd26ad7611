import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { alignCode, findFirst, foldRows } from '../src/pages/factory/align.js';

const code = (...texts: readonly string[]) => texts.map((text, index) => ({ offset: index * 4, text }));
const kinds = (before: readonly string[], after: readonly string[]) =>
  alignCode(code(...before), code(...after)).map(({ kind }) => kind);

describe('instructions side by side', () => {
  it('an instruction that is new has nothing beside it, and the others stay on one row', () => {
    const rows = alignCode(code('push %rbp', 'ret'), code('push %rbp', 'test %esi,%esi', 'ret'));
    assert.deepEqual(
      rows.map(({ before, after }) => [before?.text, after?.text]),
      [
        ['push %rbp', 'push %rbp'],
        [undefined, 'test %esi,%esi'],
        ['ret', 'ret'],
      ],
    );
  });

  it('a call of the same function is the same, whether an address or a relocation says which', () => {
    assert.deepEqual(kinds(['call 0xffffffff81abcdef'], ['call 0x5    # _raw_spin_lock']), ['moved']);
    assert.deepEqual(kinds(['mov $0xffffffff82345678,%rdi'], ['mov $0x0,%rdi    # init_net']), ['moved']);
    assert.deepEqual(kinds(['mov 0xFFFFFFFF82B867A8,%eax'], ['mov 0x19,%eax    # ipc_mni']), ['moved']);
    assert.deepEqual(kinds(['mov %gs:0x1FB80,%rax'], ['mov %gs:0,%rax    # current_task']), ['moved']);
    assert.deepEqual(kinds(['call 0xFFFFFFFF810763F0'], ['call 5    # __fentry__']), ['moved']);
    assert.deepEqual(kinds(['je 0xFFFFFFFF81000010'], ['je 0x0000000000000043']), ['moved']);
  });

  it('a call of another function is a difference, when both sides say which', () => {
    const before = ['call 0xFFFFFFFF810763F0    # kfree'];
    assert.deepEqual(kinds(before, ['call 5    # kvfree_call_rcu']), ['changed']);
    assert.deepEqual(kinds(before, ['call 5    # kfree']), ['moved']);
    assert.deepEqual(kinds(['call 0x2EFE0'], ['call 5    # kfree']), ['moved']);
    assert.deepEqual(kinds(['jmp 0x2EFE0    # a+0x10'], ['jmp 5    # b+0x20']), ['moved']);
  });

  it('another member of a structure is a difference', () => {
    assert.deepEqual(kinds(['mov 0x10(%rdi),%rax'], ['mov 0x18(%rdi),%rax']), ['changed']);
    assert.deepEqual(kinds(['mov 0x10(%rdi),%rax'], ['mov 8(%rdi),%rax']), ['changed']);
    assert.deepEqual(kinds(['cmp $7,%esi'], ['cmp $8,%esi']), ['changed']);
  });

  it('the first difference is where the comparison found it, and else the first row that differs', () => {
    const rows = alignCode(
      code('push %rbp', 'mov %rdi,%rbx', 'ret'),
      code('push %rbp', 'mov %rsi,%rbx', 'ret'),
    );
    assert.equal(findFirst(rows, { before: 4, after: 4 }), 1);
    assert.equal(findFirst(rows, { before: 77, after: 77 }), 1);
    assert.equal(findFirst(alignCode(code('ret'), code('ret')), null), -1);
  });

  it('long runs of equal rows are folded, and what is near a difference is not', () => {
    const same = Array.from({ length: 30 }, (_, index) => `mov $${index},%eax`);
    const rows = alignCode(code(...same, 'ret'), code(...same, 'int3', 'ret'));
    const folded = foldRows(rows, findFirst(rows, null));
    const [fold] = folded;
    assert.ok(fold !== undefined && 'folded' in fold && fold.folded.length === 26);
    assert.equal(folded.length, 1 + 4 + 2);
  });

  it('every instruction of both sides is shown once and in its order, whatever they are', () => {
    const side = fc.array(fc.constantFrom('push %rbp', 'mov %rdi,%rbx', 'call 0x5    # f', 'ret', 'int3'), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(side, side, (left, right) => {
        const rows = alignCode(code(...left), code(...right));
        assert.deepEqual(
          rows.flatMap(({ before }) => before?.text ?? []),
          left,
        );
        assert.deepEqual(
          rows.flatMap(({ after }) => after?.text ?? []),
          right,
        );
        const shown = foldRows(rows, findFirst(rows, null)).flatMap((row) =>
          'folded' in row ? row.folded : [row],
        );
        assert.deepEqual(shown, rows);
      }),
    );
  });
});
