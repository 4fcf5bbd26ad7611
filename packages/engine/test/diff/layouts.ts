// Structures of Linux 6.1 on x86-64, where a test has no kernel to read them from.

import type { StructLayouts } from '../../src/diff/table.js';

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
    klp_object: { size: 152, members: { name: 0, funcs: 8 } },
    klp_patch: { size: 144, members: { mod: 0, objs: 8, replace: 16 } },
  }).map(([name, { size, members }]) => [name, { size, offsets: new Map(Object.entries(members)) }]),
);

export const LAYOUTS: StructLayouts = { find: (name) => STRUCTS.get(name) };
