// Tables of device IDs that a loaded module has registered. MODULE_DEVICE_TABLE() marks what a bus matches devices with: it is read through one
// pointer of the driver's structure, at the moment of a match, by nobody else than the bus and the driver's own code. So a table that
// changes can lie in the update, and the trampoline engine leads that pointer to it in the moment in which code changes (`nvme_id_table` of
// drivers/nvme/host/pci.c by way of `nvme_driver`). Devices that are bound keep what they were bound by, as with a changed probe function.
// An entry that a device was matched with may be remembered, so undo asks for `--force`.

import { R_X86_64, SHF } from '../elf/elf.layout.js';
import type { Comparer, Side } from './compare.js';
import type { Correlation } from './correlate.js';
import type { Definition, Reference } from './definition.js';
import { isDeviceTableName } from './fresh-module.js';
import type { Engine } from './redirection.js';

/** A pointer in data of the running module that leads to a table of the update. */
export interface LedPointer {
  /** Before and after. */
  readonly holder: Definition;
  readonly holderAfter: Definition;
  readonly offset: number;
  readonly table: Definition;
  readonly tableAfter: Definition;
}

export interface LeadingContext {
  readonly pre: Side;
  readonly post: Side;
  readonly correlation: Correlation;
  readonly isModule: boolean;
  readonly engine: Engine;
  readonly changed: ReadonlySet<Definition>;
  readonly comparer: Comparer;
}

/** All such pointers of changed data that changes in nothing else. */
export function findLedPointers(context: LeadingContext): readonly LedPointer[] {
  const { correlation, isModule, engine, changed } = context;
  if (engine !== 'trampoline' || !isModule) return [];
  return [...changed].flatMap((after) => {
    const before = correlation.origins.get(after);
    return before === undefined ? [] : (readHolder(context, before, after) ?? []);
  });
}

/** Undefined when something else changes in it. */
function readHolder(
  { pre, post, comparer, changed }: LeadingContext,
  before: Definition,
  after: Definition,
): readonly LedPointer[] | undefined {
  if (![before, after].every(isWritableData) || before.size !== after.size) return undefined;
  const [old, now] = [pre.object.referencesOf(before), post.object.referencesOf(after)];
  if (old.length !== now.length || !isSameElsewhere([pre, before], [post, after], old)) return undefined;
  const pointers: LedPointer[] = [];
  for (const [index, reference] of old.entries()) {
    const other = now[index];
    if (other === undefined || reference.offset !== other.offset) return undefined;
    if (comparer.isSameReference(reference, other)) continue;
    const [table, tableAfter] = [tableOf(reference), tableOf(other)];
    if (table === undefined || tableAfter === undefined || !changed.has(tableAfter)) return undefined;
    pointers.push({ holder: before, holderAfter: after, offset: reference.offset, table, tableAfter });
  }
  return pointers;
}

function isWritableData({ kind, sectionClass, section, symbols }: Definition): boolean {
  const isPlain = kind === 'data' && sectionClass === 'data' && !section.name.includes('ro_after_init');
  return isPlain && symbols.length > 0 && (section.flags & SHF.WRITE) !== 0;
}

function tableOf({ type, target }: Reference): Definition | undefined {
  if (type !== R_X86_64.R64 || !('definition' in target) || target.offset !== 0) return undefined;
  const { definition } = target;
  const isTable = definition.symbols.some(({ name }) => isDeviceTableName(name));
  return isTable && definition.kind === 'constant' ? definition : undefined;
}

function isSameElsewhere(
  [pre, before]: readonly [Side, Definition],
  [post, after]: readonly [Side, Definition],
  references: readonly Reference[],
): boolean {
  const masked = (side: Side, definition: Definition) => {
    const bytes = Buffer.from(side.object.bytesOf(definition));
    for (const { offset, size } of references) bytes.fill(0, offset, offset + size);
    return bytes;
  };
  return masked(pre, before).equals(masked(post, after));
}
