import assert from 'node:assert';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { findTypes } from '@resplice/build';
import { compareTypes, diffObjects, parseObject, parseSymbolList } from '@resplice/engine';
import { renderDiff } from '../src/commands/diff.js';

const work = mkdtempSync(join(tmpdir(), 'resplice-diff-'));
after(() => rmSync(work, { recursive: true }));

function compile(name: string, source: string) {
  writeFileSync(join(work, `${name}.c`), source);
  const flags = ['-O2', '-c', '-fno-pie', '-ffunction-sections', '-fdata-sections', '-pg', '-mfentry'];
  execFileSync('gcc-12', [...flags, '-fno-asynchronous-unwind-tables', '-o', `${name}.o`, `${name}.c`], {
    cwd: work,
  });
  return parseObject(readFileSync(join(work, `${name}.o`)), `${name}.o`);
}

const BEFORE = 'int limit = 4; int check(int n) { return n > limit; }';

test('tells which function is replaced, and where it first differs', () => {
  const changed = compile('changed', BEFORE.replace('n > limit', 'n >= limit'));
  const outcome = renderDiff(
    diffObjects('x.o', compile('before', BEFORE), changed, { find: () => undefined }),
  );
  assert.equal(outcome.exitStatus, 0);
  assert.equal(outcome.json.verdict, 'accepted');
  assert.match(outcome.lines.join('\n'), /replaced +check .*\+0xd: setl .* \| setle /);
});

test('refuses with reasons when live data changes', () => {
  const changed = compile('data', BEFORE.replace('limit = 4', 'limit = 5'));
  const outcome = renderDiff(
    diffObjects('x.o', compile('before', BEFORE), changed, { find: () => undefined }),
  );
  assert.equal(outcome.exitStatus, 1);
  assert.match(outcome.lines.join('\n'), /changed-data/);
});

test('tells which symbols the new code finds in a list of symbols', () => {
  const calling = (callee: string) =>
    compile(
      callee,
      `int limit = 4; int ${callee}(void); int check(int n) { return n > limit + ${callee}(); }`,
    );
  const judge = (callee: string, text: string, module?: string) =>
    renderDiff(
      diffObjects(
        'x.o',
        compile('before', BEFORE),
        calling(callee),
        { find: () => undefined },
        { isModule: module !== undefined },
      ),
      { list: parseSymbolList(text, 'map'), module },
    );
  const codesOf = (outcome: ReturnType<typeof judge>) =>
    (outcome.json.reasons as readonly { code: string }[]).map(({ code }) => code);
  const common = 'ffffffff81000000 T check\nffffffff81000010 T __fentry__\n';
  const found = judge('helper', `${common}ffffffff81000020 T helper\n`);
  assert.deepEqual(codesOf(found), []);
  assert.match(found.lines.join('\n'), /needs +helper +found +vmlinux/);
  // A static function cannot be referred to from another object.
  assert.deepEqual(codesOf(judge('helper', `${common}ffffffff81000020 t helper\n`)), ['unresolved-symbol']);
  const twice = `${common}ffffffffc0000020 T helper\t[one]\nffffffffc0000030 T helper\t[two]\n`;
  assert.deepEqual(codesOf(judge('helper', twice)), ['ambiguous-symbol']);
  assert.deepEqual(codesOf(judge('helper', common.replace('check', 'chess'))), [
    'unresolved-symbol',
    'function-not-in-kernel',
  ]);
  // The list says nothing of a module that is not loaded, nor a list of exports of what is not exported.
  assert.deepEqual(codesOf(judge('helper', common, 'dummy')), []);
  assert.deepEqual(codesOf(judge('helper', '0x00000000\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n')), []);
});

test('tells what becomes of the types that both objects carry, as DWARF or as BTF', async () => {
  const files = (members: string, name: string) => {
    const source = `struct t { ${members} }; enum e { A = ${members.length} }; int f(struct t *t) { return t->a + A; }`;
    writeFileSync(join(work, `${name}.c`), source);
    execFileSync('gcc-12', ['-O2', '-g', '-c', '-o', `${name}.o`, `${name}.c`], { cwd: work });
    execFileSync('pahole', ['-J', `--btf_encode_detached=${name}.btf`, `${name}.o`], { cwd: work });
    execFileSync(
      'objcopy',
      ['--strip-debug', '--add-section', `.BTF=${name}.btf`, `${name}.o`, `${name}.btf.o`],
      { cwd: work },
    );
    return [`${name}.o`, `${name}.btf.o`].map((file) => join(work, file));
  };
  const [before, after] = [files('int a;', 'types-before'), files('long b; int a;', 'types-after')];
  for (const [at, old] of before.entries()) {
    const [pre, post] = await Promise.all(
      [old, after[at] ?? ''].map((file) => findTypes(file, parseObject(readFileSync(file), file))),
    );
    assert.ok(pre !== undefined && post !== undefined);
    const [a, b] = [old, after[at] ?? ''].map((file) => parseObject(readFileSync(file), file));
    assert.ok(a !== undefined && b !== undefined);
    const diff = diffObjects('x.o', a, b, { find: () => undefined });
    const text = renderDiff(diff, { types: compareTypes(pre, post) }).lines.join('\n');
    assert.match(
      text,
      /type +struct t +layout changes +its size is 4 bytes before and 16 after the patch; new: b/,
    );
    assert.match(text, /type +enum e +renumbered +A is 6 before and 14 after/);
  }
});

test('malformed types of an object are named', async () => {
  const object = compile('malformed', BEFORE);
  const section = { ...object.sections[0], name: '.BTF', size: 24, data: new Uint8Array(24) };
  const bad = { ...object, sections: [...object.sections, section as (typeof object.sections)[number]] };
  await assert.rejects(findTypes('x.o', bad), /x\.o: \.BTF.*this is not BTF/);
});
