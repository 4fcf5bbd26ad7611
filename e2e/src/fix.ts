// The fixes that the tests make updates of: what changed between the two source packages, and the probe that shows it.
// e2e/probes/README.md describes each.

import { type MadeUpdate, type Rewrite, replaceOnce, type Workshop } from './workshop.js';

export const FIXES = {
  'attach-filter': { paths: ['net/core/sock.c'], user: 'nobody' },
  'raw-hdrincl': { paths: ['net/ipv4/raw.c'], user: 'root' },
  'ethtool-bitset': { paths: ['net/ethtool/bitset.c'], user: 'root' },
  'vsock-buffer': { paths: ['net/vmw_vsock/af_vsock.c'], user: 'nobody' },
  'alg-assoclen': { paths: ['crypto/af_alg.c'], user: 'nobody' },
  'rxrpc-ticket': { paths: ['net/rxrpc/key.c'], user: 'nobody' },
  'ipc-next-id': { paths: ['ipc/util.c'], user: 'root' },
  'pedit-offset': { paths: ['include/net/tc_act/tc_pedit.h', 'net/sched/act_pedit.c'], user: 'root' },
  // Of the 6.12 branch:
  'qdisc-sfq': { paths: ['net/sched/sch_sfq.c'], user: 'root' },
  'qdisc-fq': { paths: ['net/sched/sch_fq.c'], user: 'root' },
  'qdisc-fq-codel': { paths: ['net/sched/sch_fq_codel.c'], user: 'root' },
  'qdisc-fq-pie': { paths: ['net/sched/sch_fq_pie.c'], user: 'root' },
  'qdisc-hhf': { paths: ['net/sched/sch_hhf.c'], user: 'root' },
  'nfc-getsockopt': { paths: ['net/nfc/llcp_sock.c'], user: 'nobody' },
  'landlock-whiteout': { paths: ['security/landlock/fs.c'], user: 'nobody' },
  'auxv-tail': { paths: ['kernel/sys.c'], user: 'root' },
  'tls-sockmap': { paths: ['net/tls/tls_main.c'], user: 'root' },
} as const;

export type FixName = keyof typeof FIXES;

export interface Fix {
  readonly name: FixName;
  readonly patch: string;
  readonly update: MadeUpdate;
  /** The compiled probe. */
  readonly probe: string;
  readonly user: 'nobody' | 'root';
}

const made = new WeakMap<Workshop, Map<FixName, Promise<Fix>>>();

/** Makes patch, update and probe of a fix, once in each workshop. */
export function makeFix(workshop: Workshop, name: FixName): Promise<Fix> {
  const fixes = made.get(workshop) ?? new Map<FixName, Promise<Fix>>();
  made.set(workshop, fixes);
  const fix = fixes.get(name) ?? build(workshop, name);
  fixes.set(name, fix);
  return fix;
}

/** The check that attach-filter adds, with what follows it, by which it is told from the file's other checks. */
function attachFilterCheck(errno: string): string {
  return `CAP_NET_ADMIN)) {\n\t\t\tret = -${errno};\n\t\t\tbreak;\n\t\t}\n\t\tret = copy_bpf_fprog_from_user(&fprog, optval, optlen);\n\t\tif (!ret)\n\t\t\tret = sk_attach_filter(`;
}

/** A change on top of attach-filter, or of a kernel that has it: TCP sockets are refused with EACCES instead of EPERM. */
export function attachFilterOnTop(...on: readonly string[]): Rewrite {
  return {
    path: FIXES['attach-filter'].paths[0],
    on,
    edit: (text) => replaceOnce(text, attachFilterCheck('EPERM'), attachFilterCheck('EACCES')),
  };
}

/** A change on top of attach-filter that does its work and makes the kernel warn whenever it does. */
export function warningOnTop(...on: readonly string[]): Rewrite {
  const check = attachFilterCheck('EPERM');
  const warning = check.replace('\t\t\tret = ', '\t\t\tWARN(1, "a filter was refused");\n\t\t\tret = ');
  return { path: FIXES['attach-filter'].paths[0], on, edit: (text) => replaceOnce(text, check, warning) };
}

async function build(workshop: Workshop, name: FixName): Promise<Fix> {
  const { paths, user } = FIXES[name];
  const patch = await workshop.diff(name, ...paths);
  const [update, probe] = await Promise.all([workshop.create(name, [patch]), workshop.compileProbe(name)]);
  return { name, patch, update, probe, user };
}
