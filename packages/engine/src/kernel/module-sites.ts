// The rewrite tables of a kernel module, which is a relocatable object: an entry's pointer is a relocation, and what it refers
// to is a place in one of the module's code sections. Structures have the layout of the kernel the module is for.

import { InputError } from '@resplice/report';
import type { Btf } from '../btf/index.js';
import { SHF, SHT } from '../elf/elf.layout.js';
import type { ObjectFile, Section } from '../elf/object.js';
import {
  isTableSection,
  LONGEST_BRANCH,
  REWRITE_TABLES,
  type RewriteTable,
  shapeOf,
  siteInstructionLength,
  statedLength,
} from './rewrite-table.js';
import { SiteCollector, type SiteTable } from './site-table.js';

/**
 * All places of code that the kernel rewrites in this module. `btf` is the kernel's; `addressOf` gives each section
 * the address at which the caller imagines it loaded, not below `base`.
 */
export function parseModuleSites(
  object: ObjectFile,
  btf: Btf,
  addressOf: (section: Section) => bigint,
  base = 0n,
): SiteTable {
  const sites = new SiteCollector(base);
  for (const table of REWRITE_TABLES) {
    for (const section of object.sections) {
      if (section.type === SHT.RELA || !isTableSection(table, section.name)) continue;
      collectTable({ object, btf, table, section, sites, addressOf });
    }
  }
  return sites.finish();
}

interface TableReading {
  readonly object: ObjectFile;
  readonly btf: Btf;
  readonly table: RewriteTable;
  readonly section: Section;
  readonly sites: SiteCollector;
  readonly addressOf: (section: Section) => bigint;
}

function collectTable({ object, btf, table, section, sites, addressOf }: TableReading): void {
  const shape = shapeOf(table, btf);
  const { data } = section;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const fail = (entry: number, what: string, expected: string, got: string): never => {
    const at = `${object.name}: ${section.name}+0x${entry.toString(16)}`;
    throw new InputError('rewrite-table-malformed', `${at}: ${what}; expected ${expected}, got ${got}`);
  };
  if (data.length % shape.size !== 0) {
    fail(0, 'the size of the table', `a multiple of ${shape.size}`, `${data.length}`);
  }
  const relocations = new Map(section.relocations.map((relocation) => [relocation.offset, relocation]));
  for (let entry = 0; entry < data.length; entry += shape.size) {
    const relocation = relocations.get(entry + shape.pointer);
    const target = relocation?.symbol.section;
    if (relocation === undefined || target === undefined || (target.flags & SHF.EXECINSTR) === 0) {
      fail(entry, 'an entry', "a relocation to the module's own code", relocation?.symbol.name ?? 'none');
      continue;
    }
    // S + A in the terms of the ABI; the pointer is counted from itself, so P does not enter into the place it names.
    const offset = relocation.symbol.value + relocation.addend;
    const code = target.data.subarray(Math.max(0, offset), offset + LONGEST_BRANCH);
    if (offset < 0 || code.length === 0) {
      fail(entry, 'an entry', `an offset inside ${target.name}`, `${offset}`);
    }
    const length = statedLength(table, shape, view, entry) ?? siteInstructionLength(code);
    if (length === undefined) {
      fail(
        entry,
        'the code an entry points at',
        'a branch, call or no-op',
        Buffer.from(code).toString('hex'),
      );
    } else if (length > 0) {
      sites.add(Number(addressOf(target) - sites.base) + offset, length, table.kind);
    }
  }
}
