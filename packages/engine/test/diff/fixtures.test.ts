// What the comparison says about each construct of kernel C. A fixture is a folder `fixtures/CONSTRUCT.VERDICT` with the file before and
// after a patch and what is expected. The names in expect.json are without the numbers that the compiler gives static locals.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { diffObjects, isEmpty, type ObjectDiff } from '../../src/diff/object-diff.js';
import { parseObject } from '../../src/elf/object.js';
import { compileFile, FIXTURES, forAll, SPLIT } from '../elf/compiler.js';
import { LAYOUTS } from './layouts.js';

interface Expectation {
  readonly replaced: readonly string[];
  readonly added: readonly string[];
  readonly removed?: readonly string[];
  /** Reason codes. */
  readonly reasons: readonly string[];
  /** Additional compiler flags. */
  readonly flags?: readonly string[];
  /** Symbols without which the fixture would not show its construct. */
  readonly contains?: readonly string[];
}

const NAMES = readdirSync(FIXTURES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

async function diffFixture(name: string): Promise<ObjectDiff> {
  const { flags = [] } = readExpectation(name);
  const [pre, post] = await Promise.all(
    ['pre', 'post'].map(async (side) => {
      const path = join(FIXTURES, name, `${side}.c`);
      const bytes = await compileFile(path, [...SPLIT, `-fmacro-prefix-map=${path}=file.c`, ...flags]);
      return parseObject(bytes, `${side}.o`);
    }),
  );
  assert.ok(pre !== undefined && post !== undefined);
  return diffObjects(name, pre, post, LAYOUTS);
}

function readExpectation(name: string): Expectation {
  return JSON.parse(readFileSync(join(FIXTURES, name, 'expect.json'), 'utf8')) as Expectation;
}

/** `count.3` → `count`, but `foo.isra.0` stays. */
function plain(name: string): string {
  return name.replace(/(?<!\.(?:isra|constprop|part))\.\d+$/, '').replace(/^(__UNIQUE_ID_\w*?)\d+$/, '$1');
}

function summarize(diff: ObjectDiff) {
  const lost = diff.pre.object.definitions.filter(
    (definition) => definition.kind === 'function' && !diff.correlation.pairs.has(definition),
  );
  return {
    replaced: diff.replaced.map(({ after }) => plain(after.name)).sort(),
    added: diff.selection.added.map(({ name }) => plain(name)).sort(),
    removed: lost.map(({ name }) => plain(name)).sort(),
    reasons: diff.reasons.map(({ code }) => code).sort(),
  };
}

describe('the comparison of two objects', () => {
  const diffs = new Map<string, ObjectDiff>();
  before(async () => {
    await forAll(NAMES, async (name) => diffs.set(name, await diffFixture(name)));
  });

  for (const name of NAMES) {
    it(`judges ${name}`, () => {
      const diff = diffs.get(name);
      assert.ok(diff);
      const { replaced, added, removed = [], reasons, contains = [] } = readExpectation(name);
      const symbols = new Set(diff.post.object.file.symbols.map((symbol) => symbol.name));
      assert.deepEqual(
        contains.filter((symbol) => !symbols.has(symbol)),
        [],
      );
      const wanted = [replaced, added, removed, reasons].map((list) => list.toSorted());
      const evidence = JSON.stringify({
        reasons: diff.reasons,
        replaced: diff.replaced.map((pair) => pair.difference),
      });
      assert.deepEqual(Object.values(summarize(diff)), wanted, evidence);
      const verdict = isEmpty(diff) ? 'same' : diff.reasons.length > 0 ? 'refused' : 'ok';
      assert.equal(name.split('.').at(-1), verdict);
    });
  }

  it('names the first differing instruction of every replaced function', () => {
    for (const [name, diff] of diffs) {
      for (const { after, difference } of diff.replaced) {
        if (difference === undefined) continue;
        assert.notEqual(`${difference.before} ${difference.offsetBefore}`, '', name);
        assert.ok(difference.offsetAfter <= after.size, name);
      }
    }
  });
});
