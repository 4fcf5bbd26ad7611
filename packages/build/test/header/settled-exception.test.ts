import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeSettled, isException } from '../../src/header/settled-exception.js';

const plain = { tags: new Set(['s']), conditions: new Set<string>() };

test('values by order are an exception, values by name are none', () => {
  for (const text of [
    'static struct s a = { 1, 2 };',
    'const struct s table[] = {\n\t{ 1, 2 },\n};',
    'x = (struct s){ a, b };',
  ])
    assert.equal(isException(text, plain), true, text);
  for (const text of [
    'struct s { int a; };',
    'static struct s a = { .x = 1 };',
    'struct s a = {};',
    'struct s a = { 0 };',
    'struct s table[] = { [0] = { .x = 1 } };',
    'int f(struct s *a) { return a->x; }',
    'struct st a = { 1 };',
  ])
    assert.equal(isException(text, plain), false, text);
});

test('macros that decide on members are found, but for those of the configuration and the include guard', () => {
  const header =
    '#ifndef _S_H\n#define _S_H\nstruct s {\n#ifdef CONFIG_X\n\tint a;\n#endif\n#ifdef WIDE\n\tlong b;\n#endif\n};\n#endif\n';
  assert.deepEqual([...describeSettled(new Set(['s']), [header]).conditions], ['WIDE']);
  assert.deepEqual([...describeSettled(new Set(['other']), [header]).conditions], []);
});

test('a text that defines such a macro itself is an exception', () => {
  const settled = { tags: new Set(['s']), conditions: new Set(['WIDE']) };
  assert.equal(isException('# define WIDE 1\n#include <s.h>\n', settled), true);
  assert.equal(isException('#ifdef WIDE\n#define OTHER\n#endif\n', settled), false);
});
