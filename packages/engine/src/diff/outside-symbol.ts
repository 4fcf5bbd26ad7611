// Where the new code of an object finds the symbols that the object does not define, judged by a list of symbols instead of a kernel.
// `create` knows more: it compares code with the image, and so tells namesakes apart.

import type { Reason } from '@resplice/report';
import type { SymbolList } from '../kernel/symbol-list.js';
import type { ObjectDiff } from './object-diff.js';
import { resolveTarget } from './resolve.js';
import { entryTarget } from './table.js';

export interface OutsideSymbol {
  readonly name: string;
  /** `one`: it can be referred to by name; `unknown`: the list does not say. */
  readonly found: 'one' | 'several' | 'none' | 'unknown';
  /** Who defines it: `vmlinux` or modules. */
  readonly owners: readonly string[];
}

/** Made by objtool, the linker or the module loader whatever the kernel's list says. */
const MADE_LATER = /^(?:_GLOBAL_OFFSET_TABLE_|__this_module|__SC[TK]__)/;

/** The symbols that the update would need from outside of the object, in order of their names. */
export function findOutsideSymbols(
  diff: ObjectDiff,
  list: SymbolList,
  module?: string,
): readonly OutsideSymbol[] {
  const judge = (name: string): OutsideSymbol => {
    const global = (list.symbols.get(name) ?? []).filter((symbol) => symbol.isGlobal);
    const owners = [...new Set(global.map((symbol) => symbol.owner))];
    const isComplete = list.kind === 'all' && (module === undefined || list.owners.has(module));
    if (global.length === 0) return { name, found: isComplete ? 'none' : 'unknown', owners };
    return { name, found: global.length === 1 ? 'one' : 'several', owners };
  };
  return [...neededSymbols(diff)].sort().map(judge);
}

/** What stands against the update by this list, besides the reasons of the comparison. */
export function checkOutsideSymbols(
  diff: ObjectDiff,
  list: SymbolList,
  outside: readonly OutsideSymbol[],
  module?: string,
): readonly Reason[] {
  const reasons: Reason[] = [];
  for (const { name, found, owners } of outside) {
    const subject = { object: diff.name, symbol: name };
    if (found === 'none') {
      reasons.push({
        code: 'unresolved-symbol',
        subject,
        found: 'the list of symbols has no global one of this name',
      });
    } else if (found === 'several') {
      const words = `the list of symbols has several global ones of this name, in ${owners.join(', ')}`;
      reasons.push({ code: 'ambiguous-symbol', subject, found: words });
    }
  }
  const owner = module ?? 'vmlinux';
  if (list.kind === 'exports' || !list.owners.has(owner)) return reasons;
  for (const { before } of diff.replaced) {
    if (list.symbols.get(before.name)?.some((symbol) => symbol.owner === owner)) continue;
    const subject = { object: diff.name, section: before.section.name, symbol: before.name };
    reasons.push({
      code: 'function-not-in-kernel',
      subject,
      found: `the list of symbols has none of ${owner}`,
    });
  }
  return reasons;
}

function neededSymbols(diff: ObjectDiff): ReadonlySet<string> {
  const { post, correlation, selection } = diff;
  const included = new Set(selection.included);
  const needed = new Set<string>();
  for (const definition of selection.included) {
    const targets = [
      ...post.object.referencesOf(definition).map((reference) => reference.target),
      ...post.tables
        .of(definition)
        .flatMap((entry) => entry.relocations.map((relocation) => entryTarget(post.object, relocation))),
    ];
    for (const target of targets) {
      const resolution = resolveTarget(correlation, included, target, 'branch');
      if (resolution.kind !== 'external' || resolution.weak || MADE_LATER.test(resolution.symbol)) continue;
      needed.add(resolution.symbol);
    }
  }
  return needed;
}
