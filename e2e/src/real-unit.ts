// Real fixes of security releases, chosen for what their code has, not for whether they work: evaluate makes an update of each, applies
// and undoes it in a guest, with its module loaded.

/** Sections of the update that show what the new code has. */
export type Construct =
  | 'jump labels'
  | 'static calls'
  | 'alternatives'
  | 'lock prefixes'
  | 'warnings'
  | 'dynamic debugging'
  | 'new data';

export const SECTION_OF: Readonly<Record<Construct, RegExp>> = {
  'jump labels': /__jump_table/,
  'static calls': /\.static_call_sites/,
  alternatives: /\.altinstructions/,
  'lock prefixes': /\.smp_locks/,
  warnings: /__bug_table/,
  'dynamic debugging': /__dyndbg/,
  'new data': /\s\.bss\s/,
};

export interface RealUnit {
  /** All units of this file are taken. */
  readonly file: string;
  /** vmlinux, or the module. */
  readonly object: string;
  /** What at least one of its updates has. */
  readonly constructs: readonly Construct[];
}

export interface UnitRelease {
  readonly from: string;
  readonly to: string;
  readonly units: readonly RealUnit[];
}

const vmlinux = (file: string, ...constructs: readonly Construct[]): RealUnit => ({
  file,
  object: 'vmlinux',
  constructs,
});
const module = (object: string, file: string, ...constructs: readonly Construct[]): RealUnit => ({
  file,
  object,
  constructs,
});

/** Versions disappear from the archive with time: the first of a branch that apt offers or the cache has is taken. */
export const UNITS_6_1: readonly UnitRelease[] = [
  {
    from: '6.1.170-3',
    to: '6.1.176-1',
    units: [
      vmlinux('kernel/signal.c', 'lock prefixes'),
      vmlinux('kernel/exit.c', 'alternatives', 'jump labels', 'static calls'),
      vmlinux('kernel/futex/requeue.c', 'warnings', 'lock prefixes'),
      vmlinux('mm/page_alloc.c', 'alternatives', 'jump labels'),
      vmlinux('fs/userfaultfd.c', 'jump labels', 'static calls'),
      vmlinux('ipc/util.c', 'static calls', 'lock prefixes'),
      vmlinux('net/core/neighbour.c', 'warnings', 'lock prefixes'),
      module('fuse', 'fs/fuse/readdir.c', 'alternatives', 'warnings'),
      module('cifs', 'fs/smb/client/cached_dir.c', 'dynamic debugging', 'new data'),
      module('isofs', 'fs/isofs/rock.c'),
      module('udf', 'fs/udf/super.c', 'dynamic debugging'),
      module('can_raw', 'net/can/raw.c'),
    ],
  },
];

export const UNITS_6_12: readonly UnitRelease[] = [
  {
    from: '6.12.107-1~deb12u1',
    to: '6.12.111-1~deb12u1',
    units: [
      vmlinux('net/sched/sch_fq_codel.c'),
      module('ah6', 'net/ipv6/ah6.c'),
      module('nfc', 'net/nfc/llcp_sock.c'),
      module('tipc', 'net/tipc/socket.c'),
      module('uhid', 'drivers/hid/uhid.c'),
    ],
  },
];
