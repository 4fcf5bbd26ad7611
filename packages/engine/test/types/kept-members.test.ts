import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { keepsMembers } from '../../src/types/kept-members.js';
import { compileTypes } from './compiled-types.js';

describe('a type that only gains members in unused bytes', () => {
  const read = (body: string) => compileTypes(`struct t { ${body} };`);
  const keeps = (before: string, after: string) => keepsMembers(read(before), read(after), 't');

  it('keeps its members', () => {
    assert.ok(keeps('unsigned a:1; long b;', 'unsigned a:1; unsigned c:1; long b;'));
    assert.ok(keeps('char a; long b;', 'char a; int c; long b;'));
  });

  it('does not when one moves, goes, changes its size, or the whole grows', () => {
    assert.ok(!keeps('unsigned a:1; unsigned b:1;', 'unsigned c:1; unsigned a:1; unsigned b:1;'));
    assert.ok(!keeps('int a; int b;', 'int a; int c;'));
    assert.ok(!keeps('long a; int b; int c;', 'long a; char b; int c;'));
    assert.ok(!keeps('int a;', 'int a; int b;'));
  });

  it('does not when one is of another type in the same place', () => {
    assert.ok(!keeps('int a;', 'unsigned a;'));
    assert.ok(!keeps('char *a;', 'long *a;'));
    assert.ok(!keeps('int (*a)(int);', 'int (*a)(unsigned);'));
    assert.ok(!keeps('struct { int a; } s;', 'struct { unsigned a; } s;'));
    assert.ok(!keeps('int a[2];', 'unsigned a[2];'));
    assert.ok(
      keeps('struct u *a; int (*b)(char *); char c[3];', 'struct u *a; int (*b)(char *); char c[3];'),
    );
  });

  it('is not what nothing is known of', () => {
    assert.ok(!keepsMembers(read('int a;'), read('int a;'), 'absent'));
  });
});
