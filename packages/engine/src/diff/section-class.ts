// What a section means for a live update. One table, read from top to bottom; a section of an object that it does not name
// is `unknown`, and an unknown section that changed or that new code needs is refused, never ignored.

import { SHF, SHT } from '../elf/elf.layout.js';
import type { Section } from '../elf/object.js';

export type SectionClass =
  /** Code that stays in memory. */
  | 'text'
  /** Code that stands apart from the function it belongs to, in pieces that end with a jump back to it. */
  | 'aside'
  /** Code that is gone after boot or after the module's init. */
  | 'init-text'
  /** Code that runs when a module is unloaded; the kernel itself frees it at boot and never runs it. */
  | 'exit-text'
  /** Initial values that are gone after boot: the live state they set up is not changed by changing them. */
  | 'init-data'
  /** Data that runs or is read only when loading: initcalls, parameters, module information. */
  | 'init-table'
  | 'data'
  | 'constant'
  /** Mergeable strings and constants of a few bytes, which have no identity. */
  | 'string'
  | 'percpu'
  /** Data that takes effect by being in a table of this name: tracepoints and their like. */
  | 'registry'
  /** What pr_debug() and printk() call sites tell about themselves; code passes its address on, nothing acts on its content. */
  | 'call-site'
  /** Exported symbols and their names. */
  | 'export'
  /** A table of entries that belong to code; see table.ts. */
  | 'table'
  /** Notes from the compiler to objtool, tables as well. */
  | 'annotation'
  /** What resplice.h records for `create`: hooks and what the author answers for; see custom-record.ts. */
  | 'custom'
  /** Nothing a running kernel sees. */
  | 'ignored'
  | 'unknown';

interface Rule {
  readonly name: RegExp;
  readonly class: SectionClass;
}

const RULES: readonly Rule[] = [
  {
    name: /^\.(comment|note($|\.)|debug_|symtab|strtab|shstrtab|gnu\.build|llvm|eh_frame|orc_)/,
    class: 'ignored',
  },
  {
    name: /^(\.modinfo|__patchable_function_entries|\.gnu\.linkonce\.this_module|__versions|\.BTF(\..+)?)$/,
    class: 'ignored',
  },
  // gcc writes it for EXPORT_SYMBOL's and inline asm's sake; linked away
  { name: /^\.discard\.(addressable|sym)$/, class: 'ignored' },
  { name: /^\.discard\./, class: 'annotation' },
  { name: /^(___ksymtab|___kcrctab|__ksymtab|__kcrctab|\.export_symbol|__kstrtab)/, class: 'export' },
  { name: /^\.(init|meminit|devinit|cpuinit|head)\.text/, class: 'init-text' },
  { name: /^\.exit\.text/, class: 'exit-text' },
  // pointers to the exit functions of built-in code, which the linker throws away
  { name: /^\.exitcall\.exit$/, class: 'ignored' },
  { name: /^\.init\.(data|rodata|bss)/, class: 'init-data' },
  {
    name: /^\.(initcall|init\.setup|con_initcall|x86_cpu_dev|pci_fixup|early_|irqchip|acpi_probe|apicdrivers)/,
    class: 'init-table',
  },
  { name: /^(__param|__modver|\.init_array|\.ctors|\.initcall.*)/, class: 'init-table' },
  { name: /^(__.*_of_table|\.(exit|ref)\.data.*|__kunit.*)/, class: 'init-table' },
  { name: /^\.data\.\.percpu/, class: 'percpu' },
  // what static_cpu_has() runs until alternatives are applied
  { name: /^\.altinstr_aux$/, class: 'aside' },
  // ranges of code that entries of .altinstructions own
  { name: /^\.altinstr_replacement$/, class: 'table' },
  {
    name: /^(\.altinstructions|__ex_table|__bug_table|__jump_table|\.smp_locks|\.parainstructions|__mcount_loc)$/,
    class: 'table',
  },
  {
    name: /^(\.kcfi_traps|\.retpoline_sites|\.return_sites|\.call_sites|\.static_call_sites|\.ibt_endbr_seal)$/,
    class: 'table',
  },
  { name: /^\.resplice\.records$/, class: 'custom' },
  { name: /^(__dyndbg|__verbose|\.printk_index)$/, class: 'call-site' },
  // tables of named objects that the kernel walks when it starts or loads a module
  {
    name: /^(__dyndbg_classes|__tracepoint_str|__tracepoints|__bpf_raw_tp|_ftrace_e|__syscalls_metadata|\.static_call_tramp_key)/,
    class: 'registry',
  },
  { name: /^(_kprobe_blacklist|_error_injection_whitelist|\.BTF_ids)$/, class: 'registry' },
];

/**
 * Tables by which somebody finds a thing by name, to trace it or to link with it. What is new in one works without being listed: a new
 * tracepoint is there for the code that has it, and nobody can switch it on before the next boot. The module loader ignores them in live patches
 * anyway (trace_module_has_bad_taint() of kernel/tracepoint.c).
 */
export function isDirectory(section: Section): boolean {
  return /^(__tracepoint_str|__tracepoints(_ptrs|_strings)?|_ftrace_ev(ents|al_map)|__bpf_raw_tp_map|__dyndbg_classes|\.static_call_tramp_key)$/.test(
    section.name,
  );
}

/** Classifies a section by its name first and by its flags where the name says nothing special. */
export function classifySection(section: Section): SectionClass {
  if (section.type === SHT.GROUP || section.type === SHT.SYMTAB || section.type === SHT.STRTAB)
    return 'ignored';
  if (section.type === SHT.RELA || section.type === SHT.SYMTAB_SHNDX || section.type === SHT.NULL)
    return 'ignored';
  const rule = RULES.find((candidate) => candidate.name.test(section.name));
  if (rule !== undefined) return rule.class;
  if ((section.flags & SHF.ALLOC) === 0) return section.name.startsWith('.') ? 'ignored' : 'unknown';
  if ((section.flags & SHF.EXECINSTR) !== 0) return 'text';
  if ((section.flags & SHF.MERGE) !== 0 && section.entrySize > 0) return 'string';
  if (/^\.(rodata|srodata)/.test(section.name)) return 'constant';
  if (/^\.(data|bss)($|\.)/.test(section.name)) return 'data';
  return 'unknown';
}
