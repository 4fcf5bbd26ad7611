import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { execa } from 'execa';
import fc from 'fast-check';
import { parsePatch } from '../../src/patch/diff-parser.js';
import { compilableText, isResyncable, resyncLines } from '../../src/patch/line-resync.js';
import { applyPatches } from '../../src/patch/patch-stack.js';
import { CORPUS } from './line-corpus.js';

const COMPILER = 'gcc-12';
let directory = '';

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'resplice-lines-'));
});
after(() => rm(directory, { recursive: true }));

/** Marks: `+ ` added, `- ` removed, else kept. Returns the resynced text. */
function resync(...marked: string[]): string {
  const kept = marked.map((line) => ({ added: line.startsWith('+ '), removed: line.startsWith('- '), line }));
  const origins: (number | null)[] = [];
  let text = '';
  let number = 0;
  for (const { added, removed, line } of kept) {
    if (!added) number += 1;
    if (removed) continue;
    origins.push(added ? null : number);
    text += `${added ? line.slice(2) : line}\n`;
  }
  return Buffer.from(resyncLines(Buffer.from(text, 'latin1'), origins)).toString('latin1');
}

const text = (...lines: string[]) => lines.map((line) => `${line}\n`).join('');

test('puts the directive directly behind a change between statements', () => {
  assert.equal(resync('a;', '+ b;', 'c;', 'd;'), text('a;', 'b;', '#line 2', 'c;', 'd;'));
  assert.equal(resync('a;', '- b;', 'c;', 'd;'), text('a;', '#line 3', 'c;', 'd;'));
});

test('puts the directive between the entries of a table', () => {
  assert.equal(
    resync('int a[] = {', 'ONE(1),', '+ TWO(2),', 'THREE(3),', '};'),
    text('int a[] = {', 'ONE(1),', 'TWO(2),', '#line 3', 'THREE(3),', '};'),
  );
});

test('puts none where the number of lines stays the same', () => {
  assert.equal(resync('a;', '- b;', '+ B;', 'c;'), text('a;', 'B;', 'c;'));
});

const UNSAFE: readonly (readonly [string, readonly string[], number])[] = [
  ['inside a comment', ['/* one', 'two */', 'b;', 'c;'], 2],
  ['inside a continued line comment', ['// one \\', 'two', 'b;'], 2],
  ['inside a macro definition', ['#define X(a) \\', '\tdo { \\', '\t} while (0)', 'b;'], 3],
  ['inside a continued line with blanks behind the backslash', ['#define X \\ ', '\t1;', 'b;'], 2],
  ['inside a continued string', ['s = "one \\', '{;";', 'b;'], 2],
  ['inside the arguments of a call', ['f(a,', '{ b; },', 'c);', 'd;'], 3],
  ['inside asm', ['asm volatile("nop;"', '\t: "=r" (x)', '\t: );', 'b;'], 3],
  ['between a macro and its arguments', ['X', '(a);', 'b;'], 2],
  ['inside an expression', ['x = a +', 'b;', 'c;'], 2],
  ['inside a directive that ends in a comment', ['#define A 1 /* one', 'two; */ + 2', 'b;'], 2],
];

for (const [where, lines, skipped] of UNSAFE) {
  test(`waits with the directive when the change is ${where}`, () => {
    const [first = '', ...rest] = lines;
    // An empty line would end a continued one.
    const added = /\\ ?$/.test(first) ? '\\' : '';
    const wanted = [first, added, ...rest];
    wanted.splice(skipped + 1, 0, `#line ${skipped + 1}`);
    assert.equal(resync(first, `+ ${added}`, ...rest), text(...wanted));
  });
}

test('is not confused by parentheses and quotes in literals, comments and #error', () => {
  for (const line of ["c = '(';", 's = "(\\"(";', "c = '\\'';", 'a; /* ( */', 'a; // (', "#error don't ("]) {
    assert.equal(resync(line, '+ x;', 'b;'), text(line, 'x;', '#line 2', 'b;'), line);
  }
});

test('sets the numbers again behind #endif when only one branch did', () => {
  assert.equal(
    resync('#ifdef A', '+ x;', 'a;', '#endif', 'b;'),
    text('#ifdef A', 'x;', '#line 2', 'a;', '#endif', '#line 4', 'b;'),
  );
  // A directive that is skipped is still a line: with A defined, `c` would be one too far.
  assert.equal(
    resync('#ifdef A', '+ x;', 'a;', '#else', 'b;', '#endif', 'c;'),
    text('#ifdef A', 'x;', '#line 2', 'a;', '#else', '#line 4', 'b;', '#endif', '#line 6', 'c;'),
  );
  // The change is in front: both branches need it, so it stands before #ifdef.
  assert.equal(
    resync('+ x;', '#ifdef A', 'a;', '#else', 'b;', '#endif', 'c;'),
    text('x;', '#line 1', '#ifdef A', 'a;', '#else', 'b;', '#endif', 'c;'),
  );
});

test('follows statements that are cut by #if', () => {
  assert.equal(
    resync('#ifdef A', 'if (a &&', '#else', 'if (', '#endif', '+ ', 'b)', 'c;', 'd;'),
    text('#ifdef A', 'if (a &&', '#else', 'if (', '#endif', '', 'b)', 'c;', '#line 8', 'd;'),
  );
  assert.equal(
    resync('#if 0', "(don't {", '#endif', '+ x;', 'a;'),
    text('#if 0', "(don't {", '#endif', 'x;', '#line 4', 'a;'),
  );
});

test('recovers at the end of a function when a condition leaves it open what is in parentheses', () => {
  assert.equal(
    resync('#ifdef A', 'if (x)', '#endif', 'f(', '#ifdef A', ');', '#endif', '+ y;', '}', 'b;'),
    text('#ifdef A', 'if (x)', '#endif', 'f(', '#ifdef A', ');', '#endif', 'y;', '}', '#line 9', 'b;'),
  );
});

test('leaves generated sources with their own #line alone, and files that are not C', async () => {
  assert.equal(resync('#line 1 "scan.l"', '+ x;', 'a;'), text('#line 1 "scan.l"', 'x;', 'a;'));
  assert.deepEqual(['a.c', 'a.h', 'a.S', 'Makefile'].map(isResyncable), [true, true, false, false]);
  const patch = parsePatch('--- a/a.S\n+++ b/a.S\n@@ -1 +1,2 @@\n+nop\n ret\n', 'p');
  const result = await applyPatches([patch], async () => Buffer.from('ret\n'));
  const content = result.get('a.S');
  assert.ok(content !== undefined);
  assert.equal(String(compilableText('a.S', content)), 'nop\nret\n');
});

test('keeps __LINE__ and __FILE__ in functions behind a change, and adds no warning', async () => {
  const source = [
    'extern void log(const char *, int);',
    '#define HERE() log(__FILE__, __LINE__)',
    'int first(int a)',
    '{',
    '+ \tif (a < 0)',
    '+ \t\treturn -1;',
    '\tif (a)',
    '\t\tHERE();',
    '\treturn a;',
    '}',
    'int second(int a) { HERE(); return a; }',
    '- int gone(void) { return 1; }',
    'int third(int a) { HERE(); return a; }',
  ];
  const original = text(
    ...source.filter((line) => !line.startsWith('+ ')).map((line) => line.replace(/^- /, '')),
  );
  const [pre, post] = [await compile(original), await compile(resync(...source))];
  assert.equal(post.warnings, pre.warnings);
  for (const name of ['second', 'third']) {
    assert.match(functionIn(pre.assembly, name), /movl\t\$(9|11), %esi/);
    assert.equal(functionIn(post.assembly, name), functionIn(pre.assembly, name), name);
  }
  assert.deepEqual(fileNames(post.assembly), fileNames(pre.assembly));
});

async function compile(code: string): Promise<{ assembly: string; warnings: string }> {
  await writeFile(join(directory, 'unit.c'), code);
  const flags = [
    '-O2',
    '-Wall',
    '-Wextra',
    `-fmacro-prefix-map=${directory}/=`,
    '-fno-asynchronous-unwind-tables',
  ];
  const result = await execa(COMPILER, [...flags, '-S', '-o', '-', join(directory, 'unit.c')]);
  return { assembly: result.stdout, warnings: result.stderr };
}

function functionIn(assembly: string, name: string): string {
  const body = new RegExp(`^${name}:\\n([\\s\\S]*?)\\n\\t\\.size\\t${name},`, 'm').exec(assembly)?.[1];
  assert.ok(body !== undefined, `${name} is in the assembly`);
  return body.replace(/\.L[A-Z]*\d+/g, '.L');
}

function fileNames(assembly: string): string[] {
  return [...assembly.matchAll(/\.string\t(".*")/g)].map((match) => match[1] ?? '');
}

interface Edited {
  readonly lines: readonly string[];
  readonly origins: readonly (number | null)[];
}

/** Lines whose absence leaves the rest of the corpus as it is: blank ones and assignments. */
function isRemovable(original: readonly string[], index: number): boolean {
  const continued = original[index - 1]?.endsWith('\\\n') === true;
  return !continued && /^(\t\w+ = \w+;)?\n$/.test(original[index] ?? '');
}

/** Inserts blank lines at random places and removes lines there. Each edit: where, how many lines, remove or not. */
function edit(original: readonly string[], edits: readonly (readonly [number, number, boolean])[]): Edited {
  const lines: string[] = [];
  const origins: (number | null)[] = [];
  for (const [index, line] of original.entries()) {
    const here = edits.filter(([at]) => at === index);
    // A blank line would end a continued one.
    const blank = original[index - 1]?.endsWith('\\\n') === true ? '\\\n' : '\n';
    for (const [, count] of here) {
      for (let added = 0; added < count; added += 1) {
        lines.push(blank);
        origins.push(null);
      }
    }
    if (here.some(([, , remove]) => remove) && isRemovable(original, index)) continue;
    lines.push(line);
    origins.push(index + 1);
  }
  return { lines, origins };
}

/** What gcc takes for the number of each line of code that it keeps: `number:text`. */
async function numbersSeenByCompiler(code: string): Promise<string[]> {
  const flags = ['-E', '-fdirectives-only', '-undef', '-nostdinc', '-DCONFIG_A', '-x', 'c', '-'];
  const { stdout } = await execa(COMPILER, flags, { input: code });
  const seen: string[] = [];
  let number = 0;
  let own = false;
  for (const line of stdout.split('\n')) {
    const marker = /^# (\d+) "(.*?)"/.exec(line);
    if (marker !== null) {
      number = Number(marker[1]);
      own = marker[2] === '<stdin>';
      continue;
    }
    if (own && line.trim() !== '' && !line.startsWith('#')) seen.push(`${number}:${line}`);
    number += 1;
  }
  return seen;
}

/** The lines behind a sync point with no change in between. */
function settledLines({ lines, origins }: Edited): Set<number> {
  const settled = new Set<number>();
  let synced = false;
  let previous = 0;
  for (const [index, origin] of origins.entries()) {
    if (origin === null || origin !== previous + 1) synced = false;
    if (origin === null) continue;
    if (lines[index]?.includes('/* sync */')) synced = true;
    if (synced) settled.add(origin);
    previous = origin;
  }
  return settled;
}

test('keeps the number of every line behind a place for a directive, for random edits, as gcc sees it', async () => {
  const original = CORPUS.split(/(?<=\n)/);
  const seen = await numbersSeenByCompiler(CORPUS);
  const place = fc.tuple(fc.nat(original.length - 1), fc.nat(3), fc.boolean());
  let checked = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(place, { minLength: 1, maxLength: 5 }), async (edits) => {
      const edited = edit(original, edits);
      const code = Buffer.from(resyncLines(Buffer.from(edited.lines.join('')), edited.origins)).toString();
      const settled = settledLines(edited);
      const now = new Set(await numbersSeenByCompiler(code));
      for (const entry of seen) {
        if (!settled.has(Number(entry.slice(0, entry.indexOf(':'))))) continue;
        assert.ok(now.has(entry), `line ${entry} keeps its number in\n${code}`);
        checked += 1;
      }
    }),
    { seed: 20260503, numRuns: 150 },
  );
  assert.ok(checked > 2000, `${checked} lines compared`);
});
