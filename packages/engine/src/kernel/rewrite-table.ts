// The kernel rewrites its own code: at boot for the CPU it finds itself on, at run time when a static key flips. It finds the
// places through tables that the build puts into sections, and so do we. One row per table: where it is, how an entry
// points at code, and how many bytes of code change. Entry layouts come from the kernel's BTF where they are structures.
// Not listed: what no update replaces, namely the trampolines of static calls (`__SCT__…`), ftrace's own entry code, and the padding
// before functions (`__pfx_…`), which retbleed=stuff fills. Of 16 MB of running code nothing else differed from the image.
// Sources: arch/x86/kernel/{alternative,static_call,jump_label,callthunks}.c, arch/x86/include/asm/runtime-const.h,
// kernel/trace/ftrace.c; table bounds: arch/x86/kernel/vmlinux.lds.S, include/asm-generic/vmlinux.lds.h.

import { type Btf, requireMember, requireStruct } from '../btf/index.js';

/** Why a range of code may differ in memory; the same words as CodeSite.kind in the update's manifest. */
export type SiteKind =
  | 'fentry'
  | 'alternative'
  | 'jump-label'
  | 'static-call'
  | 'retpoline'
  | 'return-thunk'
  | 'call-thunk'
  | 'smp-lock'
  | 'paravirt'
  | 'endbr'
  | 'runtime-const';

export const SITE_KINDS: readonly SiteKind[] = [
  'fentry',
  'alternative',
  'jump-label',
  'static-call',
  'retpoline',
  'return-thunk',
  'call-thunk',
  'smp-lock',
  'paravirt',
  'endbr',
  'runtime-const',
];

/** How long the rewritten code is: always the same, that of the instruction there, or as the entry says. */
type SiteLength = number | 'instruction' | { readonly field: string };

/** `relative`: 4 bytes, counted from themselves. `absolute`: 8 bytes. A structure's pointer has the size that BTF says. */
type SiteEntry = 'relative' | 'absolute' | { readonly struct: string; readonly pointer: string };

export interface RewriteTable {
  readonly kind: SiteKind;
  /** Section name; `runtime_ptr_*` stands for all that begin so. */
  readonly section: string;
  /** Symbols that enclose the table in vmlinux, where the linker puts it inside another section. */
  readonly bounds?: readonly [start: string, stop: string];
  readonly entry: SiteEntry;
  readonly length: SiteLength;
  /** The kernel skips pointers of 0: padding, and in __mcount_loc (6.12) also overridden weak functions. */
  readonly zeroIsPadding?: true;
}

export const REWRITE_TABLES: readonly RewriteTable[] = [
  {
    kind: 'alternative',
    section: '.altinstructions',
    entry: { struct: 'alt_instr', pointer: 'instr_offset' },
    length: { field: 'instrlen' },
  },
  {
    kind: 'paravirt',
    section: '.parainstructions',
    entry: { struct: 'paravirt_patch_site', pointer: 'instr' },
    length: { field: 'len' },
  },
  { kind: 'retpoline', section: '.retpoline_sites', entry: 'relative', length: 'instruction' },
  { kind: 'return-thunk', section: '.return_sites', entry: 'relative', length: 'instruction' },
  { kind: 'call-thunk', section: '.call_sites', entry: 'relative', length: 'instruction' },
  // endbr64 becomes a no-op of the same four bytes.
  { kind: 'endbr', section: '.ibt_endbr_seal', entry: 'relative', length: 4 },
  // The lock prefix becomes a ds prefix on a machine with one CPU.
  { kind: 'smp-lock', section: '.smp_locks', entry: 'relative', length: 1, zeroIsPadding: true },
  {
    kind: 'jump-label',
    section: '__jump_table',
    bounds: ['__start___jump_table', '__stop___jump_table'],
    entry: { struct: 'jump_entry', pointer: 'code' },
    length: 'instruction',
  },
  {
    kind: 'static-call',
    section: '.static_call_sites',
    bounds: ['__start_static_call_sites', '__stop_static_call_sites'],
    entry: { struct: 'static_call_site', pointer: 'addr' },
    length: 'instruction',
  },
  // `call __fentry__`, turned into a 5-byte no-op at boot and into a call when something traces the function.
  {
    kind: 'fentry',
    section: '__mcount_loc',
    bounds: ['__start_mcount_loc', '__stop_mcount_loc'],
    entry: 'absolute',
    length: 5,
    zeroIsPadding: true,
  },
  // Since 6.11: the immediate operand of a mov (8 bytes) or of a shift (1 byte) is filled in at boot. Not in modules.
  { kind: 'runtime-const', section: 'runtime_ptr_*', entry: 'relative', length: 8 },
  { kind: 'runtime-const', section: 'runtime_shift_*', entry: 'relative', length: 1 },
];

/** Offsets and sizes of one table's entries in the kernel at hand, all in bytes. */
export interface EntryShape {
  readonly size: number;
  readonly pointer: number;
  readonly pointerSize: 4 | 8;
  /** Where an entry holds the length of its code, when it does. */
  readonly length?: { readonly offset: number; readonly size: number };
}

/** How this kernel lays out the entries of a table. */
export function shapeOf(table: RewriteTable, btf: Btf): EntryShape {
  if (table.entry === 'relative') return { size: 4, pointer: 0, pointerSize: 4 };
  if (table.entry === 'absolute') return { size: 8, pointer: 0, pointerSize: 8 };
  const layout = requireStruct(btf, table.entry.struct);
  const pointer = requireMember(layout, table.entry.pointer);
  const shape = {
    size: layout.size,
    pointer: pointer.offset,
    pointerSize: pointer.size === 8 ? 8 : 4,
  } as const;
  return typeof table.length === 'object'
    ? { ...shape, length: requireMember(layout, table.length.field) }
    : shape;
}

/** Whether a section holds entries of this table. */
export function isTableSection(table: RewriteTable, section: string): boolean {
  return table.section.endsWith('*')
    ? section.startsWith(table.section.slice(0, -1))
    : section === table.section;
}

/** The length that the table or the entry states; undefined when the instruction tells. */
export function statedLength(
  table: RewriteTable,
  shape: EntryShape,
  view: DataView,
  entry: number,
): number | undefined {
  if (typeof table.length === 'number') return table.length;
  if (shape.length === undefined) return undefined;
  const at = entry + shape.length.offset;
  return shape.length.size === 1 ? view.getUint8(at) : view.getUint16(at, true);
}

/** Bytes that `siteInstructionLength` needs to see at most. */
export const LONGEST_BRANCH = 7;

/**
 * Length of the branch, call or no-op at the start of `code`: what stands at the sites whose table gives no length.
 * An instruction not listed here is undefined. The prefix 2e comes from -mindirect-branch-cs-prefix; jcc to a thunk is a conditional
 * tail call (objtool lists them too). Example: `2e e8 …`, a call of __x86_indirect_thunk_r11, is 6 bytes.
 */
export function siteInstructionLength(code: Uint8Array): number | undefined {
  const [first, second, third, fourth] = code;
  if (first === 0x2e) {
    if (second === 0x2e && third === 0x2e && fourth === 0x31) return 5; // cs cs cs xor %eax,%eax: a static call that returns 0
    const inner = branchLength(second, third);
    return inner === undefined ? undefined : inner + 1;
  }
  if (first === 0x66 && second === 0x90) return 2;
  if (first === 0x0f && second === 0x1f && third === 0x44) return 5;
  return branchLength(first, second);
}

function branchLength(first: number | undefined, second: number | undefined): number | undefined {
  if (first === 0xe8 || first === 0xe9) return 5;
  if (first === 0xeb) return 2;
  if (first === 0x0f && second !== undefined && second >= 0x80 && second <= 0x8f) return 6;
  return undefined;
}
