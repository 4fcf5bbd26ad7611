// What the comparison says about each construct of kernel C. A fixture is a folder `fixtures/CONSTRUCT.VERDICT` with the file before and
// after a patch and what is expected. The names in expect.json are without the numbers that the compiler gives static locals.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { nameModuleExit } from '../../src/diff/module-exit.js';
import { diffObjects, isEmpty, type ObjectDiff } from '../../src/diff/object-diff.js';
import { FLAVOURS, type Flavour, forAll } from '../elf/compiler.js';
import { diffFixture, existsOn, FIXTURE_NAMES, readExpectation } from './fixture.js';
import { LAYOUTS_OF } from './layouts.js';

/** `count.3` → `count`, but `foo.isra.0` stays. */
function plain(name: string): string {
  return name.replace(/(?<!\.(?:isra|constprop|part))\.\d+$/, '').replace(/^(__UNIQUE_ID_\w*?)\d+$/, '$1');
}

function summarize(diff: ObjectDiff): readonly (readonly string[])[] {
  const lost = diff.pre.object.definitions.filter(
    (definition) => definition.kind === 'function' && !diff.correlation.pairs.has(definition),
  );
  return [
    diff.replaced.map(({ after }) => plain(after.name)).sort(),
    diff.selection.added.map(({ name }) => plain(name)).sort(),
    lost.map(({ name }) => plain(name)).sort(),
    diff.reasons.map(({ code }) => code).sort(),
  ];
}

/** Names of the tables of which the included definitions have entries. */
function tablesOf({ post, selection }: ObjectDiff): readonly string[] {
  const names = selection.included.flatMap((each) => post.tables.of(each).map(({ section }) => section.name));
  return [...new Set(names)].sort();
}

const diffs = new Map<string, ObjectDiff>();
before(async () => {
  const all = FLAVOURS.flatMap((flavour) =>
    FIXTURE_NAMES.filter((name) => existsOn(name, flavour)).map((name) => [name, flavour] as const),
  );
  await forAll(all, async ([name, flavour]) =>
    diffs.set(`${name} ${flavour}`, await diffFixture(name, {}, flavour)),
  );
});

function diffOf(name: string, flavour: Flavour = '6.1-amd64'): ObjectDiff {
  const diff = diffs.get(`${name} ${flavour}`);
  assert.ok(diff, name);
  return diff;
}

for (const flavour of FLAVOURS) {
  describe(`the comparison of two objects, compiled as those of ${flavour}`, () => {
    for (const name of FIXTURE_NAMES.filter((each) => existsOn(each, flavour))) {
      it(`judges ${name}`, () => {
        const diff = diffOf(name, flavour);
        const {
          replaced,
          added,
          removed = [],
          reasons,
          exit,
          init,
          rewritten = [],
          addressTaken,
          tables,
          contains = [],
        } = readExpectation(name, flavour);
        const symbols = new Set(diff.post.object.file.symbols.map((symbol) => symbol.name));
        const lacking = contains.filter((symbol) => !symbols.has(symbol));
        assert.deepEqual(lacking, []);
        const evidence = JSON.stringify([diff.reasons, diff.replaced.map((pair) => pair.difference)]);
        const wanted = [replaced, added, removed, reasons].map((list) => list.toSorted());
        assert.deepEqual(summarize(diff), wanted, evidence);
        const { exit: found } = diff.selection;
        assert.equal(found && nameModuleExit(found), exit);
        assert.equal(
          diff.selection.init?.symbols.some((symbol) => symbol.name === init),
          init && true,
        );
        assert.deepEqual(diff.selection.rewritten.map((each) => plain(each.name)).sort(), rewritten);
        const kept = [...diff.selection.addressTaken].map((each) => plain(each.name)).sort();
        if (addressTaken !== undefined) assert.deepEqual(kept, addressTaken);
        if (tables !== undefined) assert.deepEqual(tablesOf(diff), tables);
        const verdict = isEmpty(diff) ? 'same' : diff.reasons.length > 0 ? 'refused' : 'ok';
        assert.equal(name.split('.').at(-1), verdict);
      });
    }
  });
}

describe('the comparison of two objects', () => {
  it('names the first differing instruction with what it refers to', () => {
    const differenceOf = (name: string) => diffOf(name).replaced[0]?.difference;
    assert.deepEqual(differenceOf('string-changed.ok'), {
      offsetBefore: 5,
      offsetAfter: 5,
      before: 'mov $0,%rdi  # "first"',
      after: 'mov $0,%rdi  # "worst"',
    });
    assert.deepEqual(differenceOf('removed-function.ok')?.before, 'call helper');
    const { before = '', after = '' } = differenceOf('changed-function.ok') ?? {};
    assert.match(before, /\$0x64/);
    assert.match(after, /\$0x40/);
    // Only a table entry differs.
    assert.equal(differenceOf('bug-flags.ok'), undefined);
  });

  it('refuses changed exit code of a module that its exit function does not call', async () => {
    const { reasons } = await diffFixture('exit-code-built-in.same', { isModule: true });
    assert.deepEqual(
      reasons.map(({ code, subject }) => [code, subject.symbol]),
      [['changed-exit-code', 'leave']],
    );
  });

  it('finds every object the same as itself', () => {
    for (const [name, { post }] of diffs) {
      if (name.startsWith('table-misshapen.refused')) continue;
      const layouts = LAYOUTS_OF[name.split(' ')[1] as Flavour];
      const again = diffObjects(name, post.object.file, post.object.file, layouts);
      assert.ok(isEmpty(again), `${name}: ${JSON.stringify(again.reasons)}`);
      assert.deepEqual(post.tables.orphans, [], name);
    }
  });
});
