// Questions about data that decide whether an update may have a copy of it: who else may hold its address, who else may use it, and whether it
// is the state of something that runs.

import { takesAddress } from './branch-operand.js';
import type { Definition, Reference } from './definition.js';
import { beginsAnew, hasPrivateNames, listLost } from './fresh-module.js';
import type { SelectionInput } from './select.js';
import { isForgettable } from './symbol-name.js';

/** New data that objects beside this one may use (`ipq5018_ops` of drivers/net/wireless/ath/ath11k/hw.c). What came from one of those is there already. */
export function isOffered(input: SelectionInput, definition: Definition): boolean {
  if (definition.kind === 'function' || !/^(data|constant)$/.test(definition.sectionClass)) return false;
  if (hasPrivateNames(definition) || isOfLostState(input, definition)) return false;
  return !definition.symbols.some(({ name }) => input.isRunning(name));
}

/**
 * A table of operations: code that names one nearly always registers it or stores its address in an object that lives on (`&foo_fops`),
 * where the original's address would not lead to the new functions.
 */
export function holdsFunctions({ post }: SelectionInput, definition: Definition): boolean {
  if (definition.symbols.length === 0 || !/^(data|constant)$/.test(definition.sectionClass)) return false;
  return post.object
    .referencesOf(definition)
    .some(({ target }) => 'symbol' in target || target.definition.kind === 'function');
}

/**
 * A table of functions whose address is taken: objects made before the update point at the original, never see a new entry, and are
 * told from others by that address (`file->f_op == &eventpoll_fops`). One that is only indexed has no such readers.
 */
export function isStored(
  input: SelectionInput,
  user: Definition,
  table: Definition,
  reference: Reference | undefined,
): boolean {
  if (reference === undefined || !holdsFunctions(input, table)) return false;
  return takesAddress(input.post, user, reference);
}

/** A local object before that has lost its counterpart may be the same one: its state would be lost in silence. */
export function isOfLostState(input: SelectionInput, definition: Definition): boolean {
  if (definition.kind === 'constant' || isForgettable(definition.name)) return false;
  // A call site describes its own call, whatever its name: up to 5.x those of pr_debug() are all called `descriptor` (tcp_retransmit_timer).
  if (definition.sectionClass === 'call-site') return false;
  const lost = listLost(input, definition);
  return lost.length > 0 && !(input.fresh && beginsAnew(input, lost));
}
