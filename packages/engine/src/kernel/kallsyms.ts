// The image's own symbol table: kallsyms, compressed by replacing frequent letter sequences with one byte each.
// A symbol's text is its type letter followed by its name.

import { InputError } from '@resplice/report';
import { findKallsymsTables, type KallsymsTables, nameLength } from './kallsyms-tables.js';
import { findSection, type KernelImage } from './kernel-image.js';
import { SymbolTable } from './symbol-table.js';

/** KSYM_NAME_LEN is 512 since 6.1; more than that would be a corrupt table. */
const MAX_NAME = 1024;

/** All symbols of the image, from the tables inside it. */
export function parseKallsyms(image: KernelImage): SymbolTable {
  const rodata = findSection(image, '.rodata');
  if (rodata === undefined) {
    throw new InputError('kallsyms-not-found', `${image.file}: no section .rodata; expected a kernel image`);
  }
  const tables = findKallsymsTables(rodata, image.file);
  const { names, types } = expandNames(tables, image.file);
  const byName = tables.sequence ?? sortByName(names);
  assertOrder(byName, names, image.file);
  return new SymbolTable({ names, types, addresses: tables.addresses, byName });
}

function expandNames(tables: KallsymsTables, file: string): { names: string[]; types: Uint8Array } {
  const names: string[] = [];
  const types = new Uint8Array(tables.count);
  const text = Buffer.alloc(MAX_NAME);
  let at = 0;
  for (let i = 0; i < tables.count; i++) {
    const length = nameLength(tables.names, at);
    at += length < 0x80 ? 1 : 2;
    let written = 0;
    for (const end = at + length; at < end; at++) {
      const token = tables.tokens[tables.names[at] ?? 0] ?? new Uint8Array();
      if (written + token.length > MAX_NAME) {
        throw new InputError(
          'kallsyms-malformed',
          `${file}: the name of symbol ${i} is longer than ${MAX_NAME} bytes`,
        );
      }
      // Most tokens have one to four letters: a loop beats Uint8Array.set here.
      for (let k = 0; k < token.length; k++) text[written++] = token[k] ?? 0;
    }
    if (written < 2) throw new InputError('kallsyms-malformed', `${file}: symbol ${i} has no name`);
    types[i] = text[0] ?? 0;
    names.push(text.toString('latin1', 1, written));
  }
  return { names, types };
}

/**
 * Livepatch's symbol positions follow this table in newer kernels and the addresses in older ones. The kernel's build sorts equal
 * names by address, so both are the same; were they not, a position could name the wrong function, so it is checked.
 */
function assertOrder(byName: Uint32Array, names: readonly string[], file: string): void {
  for (let i = 1; i < byName.length; i++) {
    const before = byName[i - 1] ?? 0;
    const after = byName[i] ?? 0;
    const left = names[before] ?? '';
    const right = names[after] ?? '';
    if (left > right || (left === right && before > after)) {
      throw new InputError(
        'kallsyms-order',
        `${file}: the kernel's table of symbols by name puts ${left} before ${right}; expected names in order, equal ones by address`,
      );
    }
  }
}

/** For kernels without that table. Names are ASCII, so that JavaScript's order is strcmp's. */
function sortByName(names: readonly string[]): Uint32Array {
  const order = Uint32Array.from(names.keys());
  return order.sort((a, b) => {
    const [left, right] = [names[a] ?? '', names[b] ?? ''];
    return left < right ? -1 : left > right ? 1 : a - b;
  });
}
