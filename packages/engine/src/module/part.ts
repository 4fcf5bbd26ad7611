// The two kinds of code that an update is assembled from: what a comparison selected, and the update's own.

import type { Side } from '../diff/compare.js';
import type { Definition, Target } from '../diff/definition.js';
import type { LedPointer } from '../diff/device-table.js';
import type { ObjectDiff } from '../diff/object-diff.js';
import { openSide } from '../diff/object-diff.js';
import { type Resolution, resolveTarget, type Use } from '../diff/resolve.js';
import { entryTarget, type StructLayouts } from '../diff/table.js';
import { SHT } from '../elf/elf.layout.js';
import type { ObjectFile } from '../elf/object.js';

/** What one compiled object contributes. */
export interface Part {
  /** The kernel object whose code it is: `vmlinux`, a module's name, or null for the update's own code. */
  readonly owner: string | null;
  readonly side: Side;
  readonly included: readonly Definition[];
  /** Data whose new content is written into the module when it is loaded. */
  readonly rewritten: readonly RewrittenData[];
  /** Pointers of live data that lead to tables of the update. */
  readonly led: readonly LedPointer[];
  resolve(target: Target, use: Use): Resolution;
}

export interface RewrittenData {
  /** In the running kernel. */
  readonly before: Definition;
  readonly after: Definition;
}

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
    led: diff.selection.led,
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
    led: [],
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

/** The bytes of a definition, with its prefix, with zeros where references are. */
export function bytesOf(part: Part, definition: Definition): Uint8Array {
  const { start, size, prefix, section } = definition;
  const bytes =
    section.type === SHT.NOBITS ? new Uint8Array(size) : section.data.slice(start - prefix, start + size);
  for (const reference of part.side.object.referencesOf(definition))
    bytes.fill(0, reference.offset + prefix, reference.offset + prefix + reference.size);
  return bytes;
}
