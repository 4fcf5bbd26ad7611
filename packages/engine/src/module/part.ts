// The two kinds of code that an update is assembled from: what a comparison selected, and the update's own.

import type { Side } from '../diff/compare.js';
import type { Definition } from '../diff/definition.js';
import type { ObjectDiff } from '../diff/object-diff.js';
import { openSide } from '../diff/object-diff.js';
import { resolveTarget } from '../diff/select.js';
import { entryTarget, type StructLayouts } from '../diff/table.js';
import type { ObjectFile } from '../elf/object.js';
import type { Part } from './assemble.js';

/** The selection of one comparison, as code of the kernel object `owner`. */
export function partOfDiff(owner: string, diff: ObjectDiff): Part {
  const included = new Set(diff.selection.included);
  return {
    owner,
    side: diff.post,
    included: diff.selection.included,
    rewritten: diff.selection.rewritten.flatMap((after) => {
      const before = diff.correlation.origins.get(after);
      return before === undefined ? [] : [{ before, after }];
    }),
    resolve: (target, use) => resolveTarget(diff.correlation, included, target, use),
  };
}

/** All code of an object, as code of the update itself. */
export function ownPart(file: ObjectFile, layouts: StructLayouts): Part {
  const side = openSide(file, layouts);
  const included = closeOver(
    side,
    side.object.definitions.filter(
      (definition) => /^((init|exit)-)?text$/.test(definition.sectionClass) && definition.symbols.length > 0,
    ),
  );
  return {
    owner: null,
    side,
    included,
    rewritten: [],
    resolve: (target) =>
      'symbol' in target
        ? { kind: 'external', symbol: target.symbol, weak: target.weak }
        : { kind: 'copy', definition: target.definition },
  };
}

/** With everything that these definitions and their table entries refer to inside of their object. */
function closeOver({ object, tables }: Side, first: readonly Definition[]): readonly Definition[] {
  const all = new Set(first);
  for (const definition of all) {
    const entries = tables.of(definition).flatMap(({ relocations }) => relocations);
    const targets = [
      ...object.referencesOf(definition).map(({ target }) => target),
      ...entries.map((relocation) => entryTarget(object, relocation)),
    ];
    for (const target of targets) if ('definition' in target) all.add(target.definition);
  }
  return [...all];
}
