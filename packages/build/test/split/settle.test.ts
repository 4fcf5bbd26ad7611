import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePatch } from '../../src/patch/diff-parser.js';
import { applyPatches } from '../../src/patch/patch-stack.js';
import { listAtoms } from '../../src/split/atom.js';
import { type Complaint, parseComplaint } from '../../src/split/complaint.js';
import { findPartners } from '../../src/split/find-partners.js';
import { settleUnits } from '../../src/split/settle.js';
import { type DraftUnit, makeUnit } from '../../src/split/unit.js';
import { compileAlone } from './compile-alone.js';

/** `before => after`, line by line; a line without an arrow stays. Each changed line is a hunk. */
function change(path: string, ...lines: readonly string[]) {
  const pairs = lines
    .map((line) => line.split(' => '))
    .map(([old = '', fresh = old]) => [old, fresh] as const);
  const hunks = pairs.flatMap(([old, fresh], at) =>
    old === fresh ? [] : [`@@ -${at + 1},1 +${at + 1},1 @@\n-${old}\n+${fresh}\n`],
  );
  const [before, after] = [0, 1].map((side) => `${pairs.map((pair) => pair[side]).join('\n')}\n`);
  return {
    path,
    before: before ?? '',
    after: after ?? '',
    diff: `--- a/${path}\n+++ b/${path}\n${hunks.join('')}`,
  };
}

type Change = ReturnType<typeof change>;

/** Each atom a unit of its own, as if no rule on names knew better. */
function apart(changes: readonly Change[]): readonly DraftUnit[] {
  const atoms = changes.flatMap(({ path, diff, before, after }) =>
    parsePatch(diff, 'test').files.flatMap((file) => listAtoms(path, file, { before, after })),
  );
  return atoms.map((atom) => makeUnit([atom], [])).toSorted((a, b) => (a.unit.id < b.unit.id ? -1 : 1));
}

async function judge(changes: readonly Change[], { unit }: DraftUnit): Promise<string> {
  const files = new Map(changes.map(({ path, before }) => [path, before]));
  const applied = await applyPatches([parsePatch(unit.patch, unit.id)], async (path) =>
    Buffer.from(files.get(path) ?? ''),
  );
  for (const [path, { after }] of applied) files.set(path, Buffer.from(after ?? []).toString());
  return compileAlone(files);
}

interface Settled {
  readonly units: readonly DraftUnit[];
  /** Of those in `units`. */
  readonly failing: readonly string[];
  readonly asked: number;
}

async function settle(
  changes: readonly Change[],
  isChosen: (unit: DraftUnit) => boolean = () => true,
): Promise<Settled> {
  const words = new Map<string, string>();
  const units = await settleUnits(apart(changes), isChosen, async (open) => {
    const complaints = new Map<string, Complaint>();
    for (const draft of open) {
      assert.ok(!words.has(draft.unit.id), `${draft.unit.id} was asked about twice`);
      const text = await judge(changes, draft);
      words.set(draft.unit.id, text);
      if (text !== '') complaints.set(draft.unit.id, parseComplaint(text));
    }
    return complaints;
  });
  const failing = units.flatMap(({ unit }) => ((words.get(unit.id) ?? '') === '' ? [] : [unit.id]));
  return { units, failing, asked: words.size };
}

const filesOf = ({ units }: Settled) => units.map(({ unit }) => unit.files.join(' ')).sort();

/** What, the changes, the files of the units that must come out. */
const CASES: readonly (readonly [string, readonly Change[], readonly string[]])[] = [
  [
    'a member that another unit adds',
    [
      change('include/s.h', 'struct s {', 'int a; => int a; int armed;', '};'),
      change('net/a.c', '#include "s.h"', 'int f(struct s *p) {', 'return p->a; => return p->armed;', '}'),
      change('net/b.c', '#include "s.h"', 'int h(struct s *p) {', 'return p->a; => return p->a + 1;', '}'),
    ],
    ['include/s.h net/a.c', 'net/b.c'],
  ],
  [
    'of two members of that name, the one of the structure that gcc names',
    [
      change('include/o.h', 'struct o {', 'int b; => int b; int armed;', '};'),
      change('include/s.h', 'struct s {', 'int a; => int a; int armed;', '};'),
      change(
        'net/a.c',
        '#include "s.h"',
        '#include "o.h"',
        'int f(struct s *p) {',
        'return p->a; => return p->armed;',
        '}',
      ),
    ],
    ['include/o.h', 'include/s.h net/a.c'],
  ],
  [
    'a function that another hunk of the file adds',
    [
      change(
        'a.c',
        ' => static inline int helper(void) { return 1; }',
        'int f(void) {',
        'return 0; => return helper();',
        '}',
      ),
    ],
    ['a.c'],
  ],
  [
    'a function with another parameter, and its caller in another file',
    [
      change('include/g.h', 'int g(int a); => int g(int a, int b);'),
      change('lib/g.c', '#include "g.h"', 'int g(int a) => int g(int a, int b)', '{ return a; }'),
      change('net/a.c', '#include "g.h"', 'int f(void) {', 'return g(1); => return g(1, 2);', '}'),
    ],
    ['include/g.h lib/g.c net/a.c'],
  ],
  [
    'a macro whose parameters change',
    [
      change('include/m.h', '#define M(a) (a) => #define M(a, b) (a)'),
      change('net/a.c', '#include "m.h"', 'int f(void) {', 'return M(1); => return M(1, 2);', '}'),
    ],
    ['include/m.h net/a.c'],
  ],
  [
    'an enumerator',
    [
      change('include/e.h', 'enum e {', 'ONE, => ONE, TWO,', '};'),
      change('net/a.c', '#include "e.h"', 'int f(void) {', 'return ONE; => return TWO;', '}'),
    ],
    ['include/e.h net/a.c'],
  ],
  [
    'a name that a macro of another unit makes',
    [
      change(
        'include/d.h',
        '#define ACCESSORS(n) static inline int dev_##n(void) { return 0; }',
        '',
        ' => ACCESSORS(ready_to_probe)',
      ),
      change('net/a.c', '#include "d.h"', 'int f(void) {', 'return 0; => return dev_ready_to_probe();', '}'),
    ],
    ['include/d.h net/a.c'],
  ],
  [
    'conditionals that two hunks open and close',
    [
      change(
        'a.c',
        ' => #ifdef CONFIG_X',
        'int f(void) { return 0; }',
        'int g(void) { return 0; }',
        ' => #endif',
      ),
    ],
    ['a.c'],
  ],
  [
    'a chain: what one needs needs a third',
    [
      change('include/a.h', ' => typedef int fresh_t;'),
      change('include/b.h', '#include "a.h"', '', 'int g(int a); => int g(fresh_t a, int b);'),
      change('net/a.c', '#include "b.h"', 'int f(void) {', 'return 0; => return g(1, 2);', '}'),
    ],
    ['include/a.h include/b.h net/a.c'],
  ],
];

for (const [what, changes, expected] of CASES) {
  test(`joins ${what}`, async () => {
    const settled = await settle(changes);
    assert.deepEqual(filesOf(settled), expected);
    assert.deepEqual(settled.failing, []);
  });
}

test('a joined unit says what it was made of, and the same again', async () => {
  const [, changes] = CASES[0] ?? [];
  assert.ok(changes);
  const [once, twice] = [await settle(changes), await settle(changes)];
  assert.deepEqual(
    once.units.map(({ unit }) => unit.id),
    twice.units.map(({ unit }) => unit.id),
  );
  const parts = new Set(apart(changes).map(({ unit }) => unit.id));
  const joined = once.units.flatMap(({ unit }) => unit.joined);
  assert.equal(joined.length, 2);
  for (const id of joined) assert.ok(parts.has(id));
});

test('what nothing of the release helps stays one unit, with its complaint', async () => {
  const changes = [
    change('a.c', 'int f(void) {', 'return 0; => return nowhere();', '}'),
    change('b.c', 'int g(void) {', 'return 0; => return 1;', '}'),
  ];
  const settled = await settle(changes);
  assert.deepEqual(filesOf(settled), ['a.c', 'b.c']);
  assert.equal(settled.failing.length, 1);
});

test('of a sample, only what is drawn and what it needs is asked about', async () => {
  const [, changes] = CASES[0] ?? [];
  assert.ok(changes);
  const settled = await settle(changes, ({ unit }) => unit.files.includes('net/a.c'));
  assert.deepEqual(filesOf(settled), ['include/s.h net/a.c']);
  assert.equal(settled.asked, 2);
});

test('a symbol that the linker misses is found in a source, a name that a compiler misses is not', () => {
  const units = apart([
    change('net/a.c', 'int f(void) {', 'return 0; => return fresh();', '}'),
    change('lib/b.c', ' => int fresh(void) { return 1; }'),
  ]);
  const user = units.findIndex(({ unit }) => unit.files.includes('net/a.c'));
  const names = [{ kind: 'name' as const, name: 'fresh' }];
  const linker = findPartners(units, user, { names, words: new Set(), files: [] });
  assert.deepEqual([...linker], [1 - user]);
  const compiler = findPartners(units, user, { names, words: new Set(), files: ['net/a.c'] });
  assert.deepEqual([...compiler], []);
});

test('programs beside the kernel help nothing in it', () => {
  const units = apart([
    change('net/a.c', 'int f(void) {', 'return 0; => return LIMIT;', '}'),
    change('tools/include/linux/a.h', ' => #define LIMIT 1'),
  ]);
  const user = units.findIndex(({ unit }) => unit.files.includes('net/a.c'));
  const names = [{ kind: 'name' as const, name: 'LIMIT' }];
  assert.deepEqual([...findPartners(units, user, { names, words: new Set(), files: ['net/a.c'] })], []);
});
