// Real fixes of a security release, chosen for what their code has: between them they have every construct of the list below. What the
// finished update must contain to be worth its place is looked for in what readelf and the manifest say of it.

import type { FixName } from './fix.js';
import type { Loading } from './unit-steps.js';

/** What a unit is here for, and how that is recognised in the lines of {@link import('./made-unit.js').MadeUnit.facts}. */
export const CONSTRUCTS = {
  header: /^file include\//m,
  'several sources': /^sources [2-9]/m,
  'several modules': /^objects [2-9]/m,
  'kept layout': /^patch .* with the layout that existing objects have$/m,
  'jump labels': /__jump_table/,
  'static calls': /\.static_call_sites/,
  tracepoint: /__tracepoint_/,
  'key in a module': /\.klp\.sym\.(?!vmlinux\.)\w+\.__(?:tracepoint_|SCT__|SCK__)/,
  alternatives: /\.altinstructions/,
  'lock prefixes': /\.smp_locks/,
  warnings: /__bug_table/,
  'dynamic debugging': /__dyndbg/,
  'per-CPU data': /\.data\.\.percpu/,
  'static local': /OBJECT\s+LOCAL\s+DEFAULT\s+\d+ _rs\.\d+/,
  'new data': /OBJECT\s+LOCAL\s+DEFAULT\s+\d+ synproxy_mutex/,
  'lookup table': /OBJECT\s+LOCAL\s+DEFAULT\s+\d+ CSWTCH\./,
  'const table': /OBJECT\s+LOCAL\s+DEFAULT\s+\d+ hid_quirks/,
  'cold part': /FUNC\s+LOCAL\s+DEFAULT\s+\d+ \S+\.cold/,
  'exit code of a module': /^exit /m,
  'no ftrace entry': /^engine trampoline/m,
} as const satisfies Record<string, RegExp>;

export type Construct = keyof typeof CONSTRUCTS;

export interface RealUnit {
  readonly file: string;
  /** A text that, of all units of this file, the patch of this one has. */
  readonly text: string;
  readonly cve?: string;
  readonly constructs: readonly Construct[];
  readonly loading: Loading;
  /** That the update changes and that load without hardware. */
  readonly modules: readonly string[];
  /** What they ask for by name when they are loaded. */
  readonly needs?: readonly string[];
  readonly probe?: FixName;
  /** Shell commands that use the updated code, and what they must print. */
  readonly use?: { readonly script: string; readonly prints: RegExp };
}

function vmlinux(
  file: string,
  text: string,
  constructs: readonly Construct[],
  more: Pick<RealUnit, 'cve' | 'probe' | 'use' | 'needs'> = {},
): RealUnit {
  return { file, text, constructs, loading: 'before', modules: [], ...more };
}

function module(
  modules: readonly string[],
  loading: Loading,
  file: string,
  text: string,
  constructs: readonly Construct[],
  more: Pick<RealUnit, 'cve' | 'probe' | 'use' | 'needs'> = {},
): RealUnit {
  return { file, text, constructs, loading, modules, ...more };
}

/** Tracing of exits, read after a process has ended. */
const TRACE_AN_EXIT = `cd /sys/kernel/tracing && echo 1 > events/sched/sched_process_exit/enable
sh -c : ; grep -c sched_process_exit: trace; echo 0 > events/sched/sched_process_exit/enable; echo > trace`;

/** Of 6.1.170-3 to 6.1.176-1. */
export const UNITS: readonly RealUnit[] = [
  vmlinux(
    'kernel/exit.c',
    'TASK_IDLE|TASK_FREEZABLE',
    ['tracepoint', 'cold part', 'jump labels', 'static calls', 'alternatives'],
    { use: { script: TRACE_AN_EXIT, prints: /^[1-9]/ } },
  ),
  vmlinux('ipc/util.c', 'ipc_mni, GFP_NOWAIT', ['static calls', 'lock prefixes'], {
    cve: 'CVE-2026-52923',
    probe: 'ipc-next-id',
  }),
  vmlinux('mm/page_alloc.c', 'page->private = 0', ['tracepoint', 'alternatives'], { cve: 'CVE-2026-43303' }),
  vmlinux('drivers/ptp/ptp_vclock.c', 'DEFINE_STATIC_SRCU', ['per-CPU data', 'warnings']),
  vmlinux('net/core/neighbour.c', 'neigh', ['cold part', 'warnings', 'lock prefixes']),
  vmlinux('kernel/irq_work.c', 'synchronize_rcu', ['no ftrace entry', 'static calls']),
  module(['act_pedit'], 'before', 'net/sched/act_pedit.c', 'at_offset', ['header', 'kept layout'], {
    cve: 'CVE-2026-46331',
    probe: 'pedit-offset',
  }),
  module(['f2fs'], 'before', 'fs/f2fs/data.c', 'goto map_more', [
    'tracepoint',
    'key in a module',
    'warnings',
  ]),
  module(['hid'], 'before', 'drivers/hid/hid-quirks.c', 'USB_VENDOR_ID_8BITDO', ['const table', 'cold part']),
  module(['cifs'], 'before', 'fs/smb/client/cached_dir.c', 'SMB2_OPLOCK_LEVEL_II', [
    'static local',
    'dynamic debugging',
    'cold part',
  ]),
  module(
    ['hfsplus'],
    'before',
    'fs/hfsplus/bfind.c',
    'hfsplus_brec_read_cat',
    ['several sources', 'cold part'],
    { cve: 'CVE-2026-46299' },
  ),
  module(
    ['rsi_91x', 'rsi_usb'],
    'before',
    'drivers/net/wireless/rsi/rsi_common.h',
    'wait_for_completion',
    ['several modules'],
    {
      cve: 'CVE-2026-46187',
    },
  ),
  module(
    ['spi_nor'],
    'later',
    'drivers/mtd/spi-nor/debugfs.c',
    'ARRAY_SIZE(snor_f_names)',
    ['lookup table'],
    {
      cve: 'CVE-2026-46190',
    },
  ),
  module(['nf_synproxy_core'], 'later', 'net/netfilter/nf_synproxy_core.c', 'synproxy_mutex', ['new data'], {
    cve: 'CVE-2026-53269',
  }),
  module(
    ['rxrpc'],
    'later',
    'net/rxrpc/rxkad.c',
    'ret = crypto_skcipher_decrypt',
    ['tracepoint', 'key in a module', 'cold part'],
    { cve: 'CVE-2026-31637', needs: ['pcbc', 'fcrypt'] },
  ),
  module(['iptable_filter'], 'unloaded', 'net/ipv4/netfilter/iptable_filter.c', 'unregister_pernet_subsys', [
    'exit code of a module',
  ]),
];
