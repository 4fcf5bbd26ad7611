// The sections of an update's module that the kernel reads as tables: what it does with each when the module is loaded. A reviewer sees which
// of them new code brings along.

import type { ObjectFile } from '@resplice/engine';
import type { ConversionDetail } from '@resplice/protocol/factory';

const TABLES: readonly (readonly [RegExp, string])[] = [
  [/^\.altinstructions$/, 'instructions that depend on the processor; chosen when the module is loaded'],
  [/^\.(?:parainstructions)$/, 'calls of the hypervisor interface; rewritten when the module is loaded'],
  [/^__jump_table$/, 'branches that a static key switches; rewritten in place'],
  [/^\.static_call_sites$/, 'static calls; rewritten in place'],
  [/^__ex_table$/, 'where to go on when an instruction faults'],
  [/^__bug_table$/, 'places of BUG and WARN'],
  [/^\.orc_unwind(?:_ip)?$/, 'how to unwind the stack from new code'],
  [
    /^\.(?:retpoline_sites|return_sites|call_sites|ibt_endbr_seal|cfi_sites)$/,
    'mitigations; rewritten in place',
  ],
  [/^\.smp_locks$/, 'lock prefixes; removed on one processor'],
  [/^__mcount_loc$/, 'entries that ftrace may use'],
  [/^__tracepoints/, 'tracepoints of its own'],
  [/^__dyndbg/, 'debug messages that can be switched on'],
  [/^\.klp\./, "livepatch's symbols and tables"],
  [/^\.resplice/, 'what the engine reads: functions, hooks, symbols'],
  [/^\.data\.once$/, 'messages that are printed once'],
];

export function describeSections({ sections }: ObjectFile): ConversionDetail['sections'] {
  return sections.flatMap(({ name, size }) => {
    const what = TABLES.find(([pattern]) => pattern.test(name))?.[1];
    return what === undefined || size === 0 ? [] : [{ name, bytes: size, what }];
  });
}
