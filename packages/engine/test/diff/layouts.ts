// Structures of Linux on x86-64, where a test has no kernel to read them from: those of 6.1, and what 6.12 has otherwise.

import type { StructLayouts } from '../../src/diff/table.js';
import type { Flavour } from '../elf/compiler.js';

const STRUCTS = new Map(
  Object.entries({
    alt_instr: {
      size: 12,
      members: { instr_offset: 0, repl_offset: 4, cpuid: 8, instrlen: 10, replacementlen: 11 },
    },
    bug_entry: { size: 12, members: { bug_addr_disp: 0, file_disp: 4, line: 8, flags: 10 } },
    exception_table_entry: { size: 12, members: { insn: 0, fixup: 4, data: 8 } },
    jump_entry: { size: 16, members: { code: 0, target: 4, key: 8 } },
    module: { size: 1024, members: { name: 24, init: 400, exit: 800 } },
    klp_func: { size: 144, members: { old_name: 0, new_func: 8, old_sympos: 16 } },
    klp_object: { size: 152, members: { name: 0, funcs: 8, callbacks: 16 } },
    klp_callbacks: {
      size: 32,
      members: { pre_patch: 0, post_patch: 8, pre_unpatch: 16, post_unpatch: 24 },
    },
    klp_patch: { size: 144, members: { mod: 0, objs: 8, replace: 16 } },
  }).map(([name, { size, members }]) => [name, { size, offsets: new Map(Object.entries(members)) }]),
);

/** Feature numbers and flags are one word of 32 bits since 6.3. */
const ALT_INSTR_6_12 = {
  size: 14,
  offsets: new Map(
    Object.entries({ instr_offset: 0, repl_offset: 4, ft_flags: 8, instrlen: 12, replacementlen: 13 }),
  ),
};

export const LAYOUTS: StructLayouts = { find: (name) => STRUCTS.get(name) };

export const LAYOUTS_OF: Readonly<Record<Flavour, StructLayouts>> = {
  '6.1-amd64': LAYOUTS,
  '6.12-amd64': { find: (name) => (name === 'alt_instr' ? ALT_INSTR_6_12 : LAYOUTS.find(name)) },
};
