// Names and flags of sections in objects of Linux 6.1 (readelf -S), and what they mean for an update.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { classifySection, type SectionClass } from '../../src/diff/section-class.js';
import { SHF, SHT } from '../../src/elf/elf.layout.js';
import type { Section } from '../../src/elf/object.js';

const FLAGS = new Map([
  ['W', SHF.WRITE],
  ['A', SHF.ALLOC],
  ['X', SHF.EXECINSTR],
  ['M', SHF.MERGE],
  ['S', SHF.STRINGS],
]);

/** Class → lines of flags and names. */
const SECTIONS: Readonly<Record<SectionClass, readonly string[]>> = {
  text: [
    'AX .text .text.sock_setsockopt .text.unlikely.foo .sched.text .noinstr.text .ref.text .static_call.text',
    'AX .spinlock.text .kprobes.text .entry.text .cpuidle.text .softirqentry.text',
  ],
  aside: ['AX .altinstr_aux'],
  'init-text': ['AX .init.text .meminit.text .head.text'],
  'exit-text': ['AX .exit.text'],
  'init-data': [
    'WA .init.data .init.data.foo',
    'A .init.rodata',
    'AMS .init.rodata.str1.1 .init.rodata.str1.8',
  ],
  'init-table': [
    'A .initcall1.init .initcall5s.init .initcallearly.init .initcallrootfs.init .init.setup .con_initcall.init __param',
    'WA .pci_fixup_header .pci_fixup_suspend_late .ref.data .exit.data __modver .x86_cpu_dev.init',
  ],
  data: [
    'WA .data .data.tcp_prot .bss .bss.count.0 .data..read_mostly .data..ro_after_init .data..cacheline_aligned',
    'WA .data.once .data..page_aligned .bss..page_aligned',
  ],
  registry: [
    'WA _kprobe_blacklist _ftrace_events _ftrace_eval_map __tracepoints __bpf_raw_tp_map __syscalls_metadata',
    'WA .static_call_tramp_key',
    'A __tracepoints_ptrs __tracepoints_strings .BTF_ids __dyndbg_classes',
  ],
  constant: ['A .rodata .rodata.table.0 .rodata.__func__.3'],
  string: [
    'AMS .rodata.str1.1 .rodata.str1.8 .rodata.do_exit.str1.8',
    'AM .rodata.cst8 .rodata.cst16 .rodata.cst4',
  ],
  percpu: ['WA .data..percpu .data..percpu..read_mostly .data..percpu..shared_aligned .data..percpu..first'],
  custom: ['WA .resplice.records'],
  'call-site': ['WA __dyndbg'],
  export: ['A ___ksymtab+sock_init ___ksymtab_gpl+foo __ksymtab .export_symbol', 'AMS __ksymtab_strings'],
  table: [
    'A .altinstructions __ex_table .smp_locks .parainstructions __mcount_loc .retpoline_sites .return_sites .call_sites',
    'AX .altinstr_replacement',
    'WA __bug_table __jump_table .static_call_sites',
    'A .ibt_endbr_seal',
  ],
  annotation: [
    '- .discard.reachable .discard.unreachable .discard.retpoline_safe .discard.noendbr .discard.instr_begin',
    '- .discard.annotate_insn .discard.unwind_hints .discard.func_stack_frame_non_standard',
  ],
  ignored: [
    '- .note.GNU-stack .debug_info .debug_line .llvm_addrsig .gnu.build.attributes .unheard_of_but_not_loaded',
    'MS .comment .debug_str',
    'A .modinfo .note.gnu.property .eh_frame .orc_unwind .orc_unwind_ip',
    'WA .exitcall.exit .discard.addressable __patchable_function_entries __versions .gnu.linkonce.this_module',
  ],
  unknown: ['WA __magic_table .mystery', 'A __special .rodat', '- strange'],
};

describe('the class of a section', () => {
  for (const [wanted, lines] of Object.entries(SECTIONS)) {
    it(`is ${wanted} for the names of that kind`, () => {
      for (const line of lines) {
        const [letters = '', ...names] = line.split(' ');
        for (const name of names) assert.equal(classifySection(sectionOf(name, letters)), wanted, name);
      }
    });
  }

  it('is ignored for what the format itself needs, whatever its name', () => {
    for (const type of [SHT.NULL, SHT.SYMTAB, SHT.STRTAB, SHT.RELA, SHT.GROUP, SHT.SYMTAB_SHNDX])
      assert.equal(classifySection({ ...sectionOf('__magic', 'A'), type }), 'ignored');
  });
});

function sectionOf(name: string, letters: string): Section {
  const flags = [...letters].reduce((sum, letter) => sum | (FLAGS.get(letter) ?? 0), 0);
  return {
    index: 1,
    name,
    type: SHT.PROGBITS,
    flags,
    size: 0,
    alignment: 1,
    entrySize: letters.includes('M') ? 1 : 0,
    link: 0,
    info: 0,
    data: new Uint8Array(0),
    relocations: [],
  };
}
