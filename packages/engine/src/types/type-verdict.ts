// From what changes in a type and where its objects live to a verdict. All code that uses a changed layout is compiled again and replaced, so
// the danger is objects: those that exist, and those that old code still makes while tasks go over. A verdict is mild only for a
// stated reason; whatever is not understood is refused, with what the author has to deal with.

import type { EnumeratorChange } from './compare-types.js';
import type { TypeChange } from './type-change.js';
import { livesInConstantsOnly, livesInMemory, livesOnStackOnly, type TypeUses } from './type-uses.js';

export interface TypeContext {
  /** The author says that custom code deals with the objects that exist. */
  readonly handled: boolean;
  /** The kernel clears what it allocates unless it is told not to (CONFIG_INIT_ON_ALLOC_DEFAULT_ON). */
  readonly clearsMemory: boolean;
  /** Made of bytes and of numbers of a stated byte order, as what comes from a wire, a disk or a device. */
  readonly wireFormat: boolean;
  /** The code writes to renamed members what it wrote to them before. */
  readonly plainRename: boolean;
  /** The patch adds members, enumerators or macros: what a lost member holds may be looked for there. */
  readonly addsState: boolean;
}

export type TypeClass =
  | 'unused-bytes'
  | 'member-gone'
  | 'renamed'
  | 'on-stack'
  | 'constant-table'
  | 'wire-format'
  | 'enumerators-added'
  | 'handled'
  | 'no-objects-yet'
  | 'initial-value'
  | 'layout'
  | 'enumerators-renumbered';

export interface TypeVerdict {
  readonly class: TypeClass;
  readonly safe: boolean;
  /** Why, as the second half of a sentence. */
  readonly because: string;
}

export function judgeRecord(change: TypeChange, uses: TypeUses, context: TypeContext): TypeVerdict {
  if (context.handled) return safe('handled', 'custom code deals with the objects that exist');
  if (livesOnStackOnly(uses)) return safe('on-stack', 'its objects live on the stack of one call');
  if (livesInConstantsOnly(uses))
    return safe('constant-table', 'its objects are constants, of which the new code has its own');
  if (context.wireFormat && !livesInMemory(uses))
    return safe(
      'wire-format',
      'it is a view of bytes whose format the kernel does not choose; no object of it is kept',
    );
  const lost = change.members.find((member) => member.change === 'removed');
  if (lost !== undefined && context.addsState)
    return refused(
      'layout',
      `what ${lost.name} holds in objects that exist may be looked for in what the patch adds`,
    );
  if (change.kind === 'removed')
    return safe('member-gone', 'nothing reads the member any more, and its place stays unused');
  if (change.kind === 'padding') return judgePadding(uses, context);
  if (change.kind === 'renamed' && context.plainRename)
    return safe('renamed', 'what the code writes to the renamed members is what it wrote before');
  if (change.kind === 'renamed')
    return refused('layout', 'new code would read what old code left there as something else');
  return refused(
    change.kind === 'initial-value' ? 'initial-value' : 'layout',
    'objects that exist, or that old code still makes, would be misread',
  );
}

function judgePadding(
  { allocations, embeddedIn, variables, sized }: TypeUses,
  { clearsMemory }: TypeContext,
): TypeVerdict {
  if (clearsMemory)
    return safe('unused-bytes', 'the kernel clears what it allocates, and zero is a fit value');
  const dirty = allocations.find(({ clears }) => !clears);
  if (dirty !== undefined)
    return refused(
      'initial-value',
      `${dirty.by}() in ${dirty.inside || dirty.file} leaves the unused bytes as they are`,
    );
  if (embeddedIn.length + sized.length > 0 || allocations.length + variables.length === 0)
    return refused('initial-value', 'it is not known that the unused bytes are zero');
  return safe('unused-bytes', 'whoever allocates it clears it, and zero is a fit value');
}

/** A count that comes last in its enum: it bounds arrays and loops, and the types and data that have it are compared themselves. */
const COUNT = /(?:^|_)(?:MAX|LAST|NUM|NR|CNT|COUNT|END|TOTAL|ENTRIES)(?:_|$)|MAX$|^NUM|_NUM\w*$/;

export function judgeEnumerators(
  changes: readonly EnumeratorChange[],
  texts: readonly string[],
  handled: boolean,
): TypeVerdict {
  if (handled) return safe('handled', 'custom code deals with the values that are kept');
  const open = changes.find(
    ({ name, last }) => !last || !COUNT.test(name) || texts.some((text) => isStored(text, name)),
  );
  if (open === undefined)
    return safe(
      'enumerators-added',
      'only the number of enumerators changes, and nothing keeps it as a value',
    );
  return refused(
    'enumerators-renumbered',
    `what keeps ${open.before} for ${open.name} would be read as another value`,
  );
}

function isStored(text: string, name: string): boolean {
  return new RegExp(`(?:(?<![=!<>])=|\\breturn\\b|[?:])\\s*${name}\\b(?!\\s*[-+\\]])`).test(text);
}

/** What a refusal becomes when only modules use the type and none of them is loaded before all of its code is replaced. */
export function judgeUnloaded(modules: readonly string[]): TypeVerdict {
  return safe('no-objects-yet', `no object of it exists while ${modules.join(' and ')} is not loaded`);
}

function safe(kind: TypeClass, because: string): TypeVerdict {
  return { class: kind, safe: true, because };
}

function refused(kind: TypeClass, because: string): TypeVerdict {
  return { class: kind, safe: false, because };
}
