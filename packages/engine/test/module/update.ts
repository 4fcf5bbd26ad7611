// Updates made from fixtures, without a kernel: layouts are those of test/diff/layouts.ts.

import type { ObjectDiff } from '../../src/diff/object-diff.js';
import { parseObject } from '../../src/elf/object.js';
import { type AssembledObject, type AssemblyInput, assembleUpdate } from '../../src/module/assemble.js';
import type { LivepatchFunction } from '../../src/module/livepatch-table.js';
import { ownPart, partOfDiff } from '../../src/module/part.js';
import { LAYOUTS } from '../diff/layouts.js';
import { compileText } from '../elf/compiler.js';

const OWN_CODE = `struct klp_patch;
extern struct klp_patch resplice_patch;
int klp_enable_patch(struct klp_patch *);
int init_module(void) { return klp_enable_patch(&resplice_patch); }
void cleanup_module(void) { }`;

/** The object of the update's own code. */
export function compileOwnCode(): Promise<Uint8Array> {
  return compileText(OWN_CODE);
}

/** One changed object of the kernel object `owner`. */
export interface Change {
  readonly owner: string;
  readonly diff: ObjectDiff;
}

/** Everything of `changes` and the own code, all functions at position 0. */
export function assembleChanges(
  own: Uint8Array,
  changes: readonly Change[],
  exported: readonly string[] = [],
  kernel: Partial<Pick<AssemblyInput, 'isInKernel' | 'mayReachNew'>> = {},
): AssembledObject {
  const functions = changes.flatMap(({ owner, diff }) =>
    diff.replaced.map(
      ({ before, after }): LivepatchFunction => ({
        object: owner,
        name: before.name,
        position: 0,
        replacement: after,
      }),
    ),
  );
  const parts = changes.map(({ owner, diff }) => partOfDiff(owner, diff));
  return assembleUpdate({
    parts: [...parts, ownPart(parseObject(own, 'own.o'), LAYOUTS)],
    functions,
    layouts: LAYOUTS,
    isExported: (symbol) => exported.includes(symbol),
    isInKernel: () => true,
    ...kernel,
  });
}
