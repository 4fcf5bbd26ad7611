import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Reason } from '@resplice/report';
import { renderSkeleton } from '../../src/create/skeleton.js';

const reason = (code: Reason['code'], symbol: string, found = 'it changes'): Reason => ({
  code,
  subject: { object: 'mm/util.o', symbol },
  found,
});

function render(before: string, after: string, ...reasons: readonly Reason[]): string {
  const texts = new Map([['mm/util.c', { before, after }]]);
  return renderSkeleton(reasons, texts) ?? '';
}

const added = (patch: string): string => patch.replace(/^(?!\+(?!\+)).*\n/gm, '').replace(/^\+/gm, '');

describe('the skeleton of a refused patch', () => {
  it('is a patch that adds to the end of the file', () => {
    const after = 'int a;\nint b;\nint c;\nint limit = 2;\n';
    const patch = render(after.replace('2', '1'), after, reason('changed-data', 'limit'));
    assert.match(
      patch,
      /^--- a\/mm\/util\.c\n\+\+\+ b\/mm\/util\.c\n@@ -2,3 \+2,\d+ @@\n int b;\n int c;\n int limit = 2;\n\+/m,
    );
    const [, count = ''] = /\+2,(\d+) @@/.exec(patch) ?? [];
    assert.equal(patch.split('\n').filter((line) => /^[ +](?!\+\+)/.test(line)).length, Number(count));
  });

  it('sets a number, and gives the old one back', () => {
    const text = added(
      render('static int limit = 1 << 3;\n', 'static int limit = 99;\n', reason('changed-data', 'limit')),
    );
    assert.match(text, /resplice_apply_limit\(void\)\n\{\n\tWRITE_ONCE\(limit, 99\);/);
    assert.match(text, /resplice_undo_limit\(void\)\n\{\n\tWRITE_ONCE\(limit, 1 << 3\);/);
    assert.match(text, /RESPLICE_HANDLES_DATA\(limit, "FIXME/);
  });

  it('sets the members that change, and those that are new', () => {
    const of = (members: string) =>
      `static struct match reg __read_mostly = {\n\t.name = "x, y",\n${members}\t.me = THIS,\n};\n`;
    const text = added(
      render(of('\t.rev = 1,\n'), of('\t.rev = 2,\n\t.check = check_it,\n'), reason('changed-data', 'reg')),
    );
    assert.match(text, /\{\n\tWRITE_ONCE\(reg\.rev, 2\);\n\tWRITE_ONCE\(reg\.check, check_it\);\n\}/);
    assert.match(text, /\{\n\tWRITE_ONCE\(reg\.rev, 1\);\n\tWRITE_ONCE\(reg\.check, 0\);\n\}/);
  });

  it('leaves to the author what one store does not set', () => {
    for (const [before, after] of [
      ['static const int limit = 1;\n', 'static const int limit = 2;\n'],
      ['static int limit[] = { 1, 2 };\n', 'static int limit[] = { 1, 3 };\n'],
      ['static struct s limit = { .a = { 1 } };\n', 'static struct s limit = { .a = { 2 } };\n'],
    ]) {
      const text = added(render(before ?? '', after ?? '', reason('changed-data', 'limit')));
      assert.match(text, /FIXME: give the running object its new value/);
      assert.doesNotMatch(text, /WRITE_ONCE/);
    }
  });

  it('shows the changed lines of a function that has run', () => {
    const of = (line: string) => `static int __init start(void)\n{\n\tint a = 1;\n${line}\treturn 0;\n}\n`;
    const text = added(
      render(of(''), of('\tset_limit(a); /* new */\n'), reason('changed-init-code', 'start')),
    );
    assert.match(text, /new: set_limit\(a\); \/ \* new \* \//);
    assert.match(text, /RESPLICE_HANDLES_INIT\(start, "FIXME/);
  });

  it('keeps the new members of a struct in a shadow variable', () => {
    const of = (member: string) => `struct s {\n\tint a;\t/* one */\n${member}\tlong b;\n};\n`;
    const layout = { ...reason('changed-type-layout', 's'), subject: { file: 'mm/util.c', symbol: 's' } };
    const text = added(render(of(''), of('\t/* two */\n\tstruct rcu_head rcu;\n\tunsigned c:1;\n'), layout));
    assert.match(
      text,
      /struct resplice_s \{\n\tstruct rcu_head rcu;\n\tunsigned c:1;\n\};\nRESPLICE_SHADOW\(/,
    );
    assert.match(text, /RESPLICE_HANDLES_TYPE\(s, "FIXME/);
  });

  it('sets up a list that existing objects do not have', () => {
    const of = (member: string) => `struct s {\n\tint a;\n${member}};\n`;
    const text = added(
      render(of(''), of('\tstruct list_head links;\n'), reason('type-needs-initial-value', 's')),
    );
    assert.match(text, /resplice_set_up_s\(struct s \*object\)\n\{\n\tINIT_LIST_HEAD\(&object->links\);/);
  });

  it('names the locks of the file, and what no hook helps against', () => {
    const text = 'static DEFINE_MUTEX(big_lock);\nstatic spinlock_t small;\nint limit = 2;\n';
    const patch = render(
      text.replace('2', '1'),
      text,
      reason('changed-data', 'limit'),
      reason('not-traceable', 'early'),
    );
    assert.match(patch, /Locks of this file: big_lock, small\./);
    assert.match(patch, /^No hook helps against not-traceable: early \(mm\/util\.o\)\.$/m);
  });

  it('is not written for an object whose size changes, or that no name reaches', () => {
    const texts = new Map([['mm/util.c', { before: 'int limit;\n', after: 'int limit;\n' }]]);
    const sized = reason('changed-data', 'limit', 'its size changes from 4 to 8 bytes');
    assert.equal(renderSkeleton([sized], texts), undefined);
    assert.equal(renderSkeleton([reason('changed-data', 'count.0')], texts), undefined);
  });
});
