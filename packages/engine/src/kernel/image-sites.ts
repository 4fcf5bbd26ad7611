// The rewrite tables of the kernel image. Here the linker has resolved every pointer; an entry that does not point into code
// means that a table was misread, and is an error: a wrong table could hide a real difference.

import { InputError } from '@resplice/report';
import { type Btf, parseBtf } from '../btf/index.js';
import { type ImageSection, imageBytes, type KernelImage } from './kernel-image.js';
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
import type { SymbolTable } from './symbol-table.js';

/** All link-time addresses of code share their high half. */
const BASE = 0xffffffff00000000n;
const HIGH_HALF = 0xffffffff;

/** All places of code that this kernel rewrites at boot or at run time. */
export function parseImageSites(image: KernelImage, symbols: SymbolTable): SiteTable {
  const btf = requireBtf(image);
  const sites = new SiteCollector(BASE);
  const code = image.sections.filter((section) => section.executable && section.bytes.length > 0);
  for (const table of REWRITE_TABLES) {
    for (const place of findTables(image, symbols, table))
      collectTable({ image, place, table, btf, code, sites });
  }
  return sites.finish();
}

/** Parses the image's own type information. */
export function requireBtf(image: KernelImage): Btf {
  if (image.btf !== undefined) return parseBtf(image.btf, { file: image.file, section: '.BTF' });
  throw new InputError(
    'btf-missing',
    `${image.file}: no section .BTF; expected a kernel built with CONFIG_DEBUG_INFO_BTF, as Debian's are`,
  );
}

interface TablePlace {
  readonly name: string;
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

function findTables(image: KernelImage, symbols: SymbolTable, table: RewriteTable): readonly TablePlace[] {
  const sections = image.sections.filter((section) => isTableSection(table, section.name));
  if (sections.length > 0 || table.bounds === undefined) return sections;
  const [start, stop] = table.bounds.map((name) => symbols.byName(name)[0]?.address);
  if (start === undefined && stop === undefined) return [];
  if (start === undefined || stop === undefined || stop < start) {
    const names = table.bounds.join(' and ');
    throw new InputError(
      'table-bounds',
      `${image.file}: expected both ${names}, in this order, got one or none`,
    );
  }
  return [{ name: table.section, address: start, bytes: imageBytes(image, start, Number(stop - start)) }];
}

interface TableReading {
  readonly image: KernelImage;
  readonly place: TablePlace;
  readonly table: RewriteTable;
  readonly btf: Btf;
  readonly code: readonly ImageSection[];
  readonly sites: SiteCollector;
}

function collectTable({ image, place, table, btf, code, sites }: TableReading): void {
  const shape = shapeOf(table, btf);
  const { bytes } = place;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const tableOffset = Number(place.address - BASE);
  const fail = (entry: number, what: string, expected: string, got: string): never => {
    const at = `${image.file}: ${place.name}+0x${entry.toString(16)}`;
    throw new InputError('rewrite-table-malformed', `${at}: ${what}; expected ${expected}, got ${got}`);
  };
  if (bytes.length % shape.size !== 0) {
    fail(0, 'the size of the table', `a multiple of ${shape.size}`, `${bytes.length}`);
  }
  for (let entry = 0; entry < bytes.length; entry += shape.size) {
    const at = entry + shape.pointer;
    if (table.zeroIsPadding === true && isZero(bytes.subarray(at, at + shape.pointerSize))) continue;
    const offset = shape.pointerSize === 8 ? absolute(view, at) : tableOffset + at + view.getInt32(at, true);
    const target = codeAt(code, offset);
    if (target === undefined) fail(entry, 'an entry', 'a pointer into code', `0x${offset.toString(16)}`);
    else {
      const length = statedLength(table, shape, view, entry) ?? siteInstructionLength(target);
      if (length === undefined) {
        fail(
          entry,
          'the code an entry points at',
          'a branch, call or no-op',
          Buffer.from(target).toString('hex'),
        );
      } else if (length > 0) sites.add(offset, length, table.kind);
    }
  }
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function absolute(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) === HIGH_HALF ? view.getUint32(at, true) : -1;
}

/** The first bytes of the instruction at an offset from BASE. */
function codeAt(code: readonly ImageSection[], offset: number): Uint8Array | undefined {
  for (const section of code) {
    const at = offset - Number(section.address - BASE);
    if (at >= 0 && at < section.bytes.length) return section.bytes.subarray(at, at + LONGEST_BRANCH);
  }
  return undefined;
}
