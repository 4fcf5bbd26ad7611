import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findMovedMembers } from '../../src/types/moved-members.js';
import { compileTypes } from './compiled-types.js';

describe('members that are not where they were', () => {
  const read = (body: string) => compileTypes(`struct t { ${body} };`);
  const find = (before: string, after: string) => findMovedMembers(read(before), read(after), 't');

  it('are none of a type that only gains members in unused bytes', () => {
    for (const [before, after] of [
      ['unsigned a:1; long b;', 'unsigned a:1; unsigned c:1; long b;'],
      ['char a; long b;', 'char a; int c; long b;'],
      ['struct u *a; int (*b)(char *); char c[3];', 'struct u *a; int (*b)(char *); char c[3];'],
    ] as const)
      assert.deepEqual(find(before, after), [], after);
  });

  it('have moved, gone, or another size or type', () => {
    for (const [before, after, moved] of [
      ['unsigned a:1; unsigned b:1;', 'unsigned c:1; unsigned a:1; unsigned b:1;', 'a b'],
      ['unsigned a:1; unsigned b:1; long d;', 'unsigned a:1; unsigned c:1; unsigned b:1; long d;', 'b'],
      ['int a; int b;', 'int a; int c;', 'b'],
      ['long a; int b; int c;', 'long a; char b; int c;', 'b'],
      ['int a;', 'unsigned a;', 'a'],
      ['char *a;', 'long *a;', 'a'],
      ['int (*a)(int);', 'int (*a)(unsigned);', 'a'],
      ['struct { int a; } s;', 'struct { unsigned a; } s;', 's'],
      ['int a[2];', 'unsigned a[2];', 'a'],
      ['int x; struct { int a; };', 'struct { int a; }; int x;', 'x a'],
    ] as const)
      assert.deepEqual(find(before, after)?.join(' '), moved, after);
  });

  it('do not tell who is concerned when the whole grows, or when nothing is known of the type', () => {
    assert.equal(find('int a;', 'int a; int b;'), undefined);
    assert.equal(findMovedMembers(read('int a;'), read('int a;'), 'absent'), undefined);
  });
});
