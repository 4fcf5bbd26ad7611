// A list of a kernel's symbols from a file: what /proc/kallsyms shows, a System.map, or a Module.symvers. The first two list all symbols,
// static ones as well, System.map without those of modules; the last lists only what is exported.

import { InputError } from '@resplice/report';
import { appendTo } from '../map-entry.js';
import { parseSymvers } from './symvers.js';

export interface ListedSymbol {
  /** `vmlinux`, or the loadable module that defines it. */
  readonly owner: string;
  /** Code of other objects can refer to it by its name. */
  readonly isGlobal: boolean;
}

export interface SymbolList {
  /** `exports` lists only exported symbols: what it lacks may exist all the same. */
  readonly kind: 'all' | 'exports';
  readonly symbols: ReadonlyMap<string, readonly ListedSymbol[]>;
  /** All names that stand as an owner. */
  readonly owners: ReadonlySet<string>;
}

const LINE = /^[0-9a-f]+ ([A-Za-z?]) (\S+)(?:[ \t]+\[([\w-]+)\])?$/;
const EXPORT_LINE = /^0x[0-9a-f]{8}\t/;

/** Tells the three kinds of file by their first line. */
export function parseSymbolList(text: string, file: string): SymbolList {
  const symbols = new Map<string, ListedSymbol[]>();
  const owners = new Set<string>();
  const add = (name: string, symbol: ListedSymbol) => {
    appendTo(symbols, name, symbol);
    owners.add(symbol.owner);
  };
  const isExports = EXPORT_LINE.test(text);
  if (isExports) {
    for (const { name, module } of parseSymvers(text, file).values()) {
      add(name, { owner: moduleName(module), isGlobal: true });
    }
  } else {
    for (const [index, line] of text.split('\n').entries()) {
      if (line === '') continue;
      const [, type, name, module] = LINE.exec(line) ?? [];
      if (type === undefined || name === undefined) {
        throw new InputError(
          'symbols-malformed',
          `${file}:${index + 1}: expected address, type letter, name and perhaps a module, as /proc/kallsyms has them, got: ${line.slice(0, 100)}`,
        );
      }
      // Weak symbols are global whatever the case of their letter.
      add(name, { owner: module ?? 'vmlinux', isGlobal: /[A-Zwvu]/.test(type) });
    }
  }
  if (symbols.size === 0)
    throw new InputError(
      'symbols-empty',
      `${file}: no symbols in it; expected kallsyms, System.map or symvers`,
    );
  return { kind: isExports ? 'exports' : 'all', symbols, owners };
}

/** `drivers/net/dummy` → `dummy`; kernels spell modules with underscores. */
function moduleName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replaceAll('-', '_');
}
