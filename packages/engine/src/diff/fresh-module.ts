// What can be done to a module that is loaded only after the update is applied. Nothing of it exists yet: no object, no state, no table that
// somebody has registered; and livepatch gives the update a moment before the module's init code runs (kmod/fresh.c). So data can have
// its new content from the beginning, tables that grew can be the update's own, and the module's init function can be the update's.
//
// The comparison is made this way only when it refuses the other way, for it costs a condition: the update applies while the module is not loaded.

import type { Reason } from '@resplice/report';
import { R_X86_64, SHF, STB } from '../elf/elf.layout.js';
import { appendTo } from '../map-entry.js';
import type { Correlation } from './correlate.js';
import type { DefinedObject, Definition } from './definition.js';
import type { SelectionInput } from './select.js';
import { isCopyable, variableName } from './symbol-name.js';

/** What may be no reason any more when the module is not loaded. */
const LIFTED: ReadonlySet<Reason['code']> = new Set([
  'changed-data',
  'changed-init-code',
  'changed-init-data',
  'changed-exit-code',
  'ambiguous-static-local',
  'uses-init-code',
  'not-traceable',
]);

/** Whether some of the reasons are about what exists only while the module is loaded. */
export function isLiftedWhenFresh(reasons: readonly Reason[]): boolean {
  return reasons.some(({ code }) => LIFTED.has(code));
}

/** The name that module_init() gives the function. */
const INIT = 'init_module';

/** Whether the module loader calls this function when the module is loaded. */
export function isModuleInit({ kind, symbols, start }: Definition): boolean {
  return kind === 'function' && symbols.some(({ name, value }) => name === INIT && value === start);
}

/**
 * Data that keeps its place and size, and gets its new content before the module's init code runs. A distance from the place itself would be
 * wrong elsewhere, and per-CPU areas have been filled already.
 */
export function isRewritable({ post, correlation }: SelectionInput, after: Definition): boolean {
  const before = correlation.origins.get(after);
  if (before === undefined || before.size !== after.size || before.symbols.length === 0) return false;
  if (isCopyable(after.name, after.size)) return false;
  if (![before, after].every(isKeptInPlace)) return false;
  return post.object.referencesOf(after).every(({ type }) => type === R_X86_64.R64);
}

/** Parameters are read after livepatch has had its moment (`__param_def_reserved_size` of drivers/scsi/sg.c). */
function isKeptInPlace({ sectionClass, section }: Definition): boolean {
  return /^(data|constant)$/.test(sectionClass) || section.name === '__param';
}

export function isWritable({ section }: Definition): boolean {
  return (section.flags & SHF.WRITE) !== 0;
}

/**
 * No other object of the module knows it. MODULE_DEVICE_TABLE() gives a table a second, global name, from which modpost makes the module's
 * aliases, and which no code uses.
 */
export function hasPrivateNames({ symbols }: Definition): boolean {
  return symbols.every(({ name, binding }) => binding === STB.LOCAL || isDeviceTableName(name));
}

/**
 * Variables that change their size lie in the update instead, where they begin anew whenever the module is loaded (`owner_mt_reg` of
 * net/netfilter/xt_owner.c becomes an array). All who use them are changed by that; constants are compared with who reads them anyway.
 */
export function moveData(
  changed: Set<Definition>,
  { origins }: Correlation,
  post: DefinedObject,
): ReadonlySet<Definition> {
  const moved = new Set(
    [...changed].filter((after) => {
      const before = origins.get(after);
      const isData = after.kind === 'data' && after.sectionClass === 'data';
      return isData && before?.size !== after.size && hasPrivateNames(after);
    }),
  );
  for (const definition of moved) for (const user of listUsers(post, definition)) changed.add(user);
  return moved;
}

/** `__mod_usb__acm_ids_device_table`; since Linux 6.14 `__mod_device_table__usb__acm_ids`. */
export function isDeviceTableName(name: string): boolean {
  return /^__mod_(.*_device_table$|device_table__)/.test(name);
}

/**
 * A table of device IDs that is there for depmod alone: nothing of the object leads to it, before or after (`vsc85xx_tbl` of
 * drivers/net/phy/mscc/mscc_main.c). What it says takes effect with the module's file.
 */
export function isForDepmodOnly({ pre, post, correlation }: SelectionInput, after: Definition): boolean {
  const before = correlation.origins.get(after);
  if (before === undefined || after.kind !== 'constant' || !hasPrivateNames(after)) return false;
  if (!after.symbols.some(({ name }) => isDeviceTableName(name))) return false;
  return listUsers(pre.object, before).length + listUsers(post.object, after).length === 0;
}

/**
 * A static variable that lost its counterpart begins anew in the update, as all state of the module does; right when no code goes on
 * using one of those it may have been.
 */
export function beginsAnew(
  { pre, correlation, changed }: SelectionInput,
  candidates: readonly Definition[],
): boolean {
  return candidates.every((candidate) =>
    listUsers(pre.object, candidate).every((user) => {
      const after = correlation.pairs.get(user);
      return after === undefined || changed.has(after);
    }),
  );
}

/** Local variables before, without a counterpart, that a variable after may have been. */
export function listLost({ pre, correlation }: SelectionInput, after: Definition): readonly Definition[] {
  const name = variableName(after.name);
  return pre.object.definitions.filter(
    (candidate) =>
      candidate.kind === after.kind &&
      candidate.binding === 'local' &&
      !correlation.pairs.has(candidate) &&
      variableName(candidate.name) === name,
  );
}

const USERS = new WeakMap<DefinedObject, ReadonlyMap<Definition, readonly Definition[]>>();

/** Definitions of the object that refer to it, itself left out. */
function listUsers(object: DefinedObject, definition: Definition): readonly Definition[] {
  let users = USERS.get(object);
  if (users === undefined) {
    users = collectUsers(object);
    USERS.set(object, users);
  }
  return users.get(definition) ?? [];
}

function collectUsers(object: DefinedObject): ReadonlyMap<Definition, readonly Definition[]> {
  const users = new Map<Definition, Definition[]>();
  for (const user of object.definitions) {
    for (const { target } of object.referencesOf(user))
      if ('definition' in target && target.definition !== user) appendTo(users, target.definition, user);
  }
  return users;
}
