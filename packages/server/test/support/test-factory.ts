// A factory that has been at work, written into its tables and its artefact store as workers would have left it: one release with units in
// every state that people look at, one job that runs, one that failed, two workers, one cumulative update.

import { randomUUID } from 'node:crypto';
import type { CandidateState, CodeLine, ConversionDetail } from '@resplice/protocol/factory';
import { eq } from 'drizzle-orm';
import { organisations } from '../../src/database/schema.js';
import { artefactName, keepArtefact } from '../../src/factory/artefact-name.js';
import {
  factoryCandidates,
  factoryCumulatives,
  factoryHistory,
  factoryJobLogs,
  factoryJobs,
  factoryPriorities,
  factoryReleases,
  factoryReviews,
  factoryTests,
  factoryUnits,
  factoryWorkers,
} from '../../src/factory/tables.js';
import { CLOUD } from './test-fleet.js';
import { KERNEL, type Organisation, type TestServer } from './test-server.js';

interface UnitPlan {
  readonly name: string;
  readonly file: string;
  readonly cves: readonly string[];
  readonly subject: string;
  readonly states: readonly [CandidateState, CandidateState];
  readonly reason?: readonly [code: string, subject: string, found: string];
}

const UNITS: readonly UnitPlan[] = [
  {
    name: 'net_vmw_vsock_virtio_transport_common',
    file: 'net/vmw_vsock/virtio_transport_common.c',
    cves: ['CVE-2026-40117'],
    subject: 'vsock/virtio: fix underflow of the credit that a peer gives',
    states: ['in-review', 'approved'],
  },
  {
    name: 'net_netfilter_nf_tables_api',
    file: 'net/netfilter/nf_tables_api.c',
    cves: ['CVE-2026-31431', 'CVE-2026-31502'],
    subject: 'netfilter: nf_tables: hold the chain while it is walked',
    states: ['published', 'published'],
  },
  {
    name: 'fs_smb_server_smb2pdu',
    file: 'fs/smb/server/smb2pdu.c',
    cves: ['CVE-2026-23412'],
    subject: 'ksmbd: a session has its own lock',
    states: ['needs-code', 'needs-code'],
    reason: ['type-grew', 'struct ksmbd_session', 'one member more, of 40 bytes, and objects of it live on'],
  },
  {
    name: 'drivers_gpu_drm_v3d_v3d_sched',
    file: 'drivers/gpu/drm/v3d/v3d_sched.c',
    cves: ['CVE-2026-35311'],
    subject: 'drm/v3d: do not touch a job that was freed',
    states: ['not-built', 'not-built'],
  },
  {
    name: 'io_uring_poll',
    file: 'io_uring/poll.c',
    cves: ['CVE-2026-28809'],
    subject: 'io_uring/poll: check the owner before the request is removed',
    states: ['converting', 'new'],
  },
  {
    name: 'kernel_sched_core',
    file: 'kernel/sched/core.c',
    cves: ['CVE-2026-29915'],
    subject: 'sched: keep the clock of a queue that is idle',
    states: ['refused', 'refused'],
    reason: ['data-changed', 'runqueues', 'the initial value of live data is another one'],
  },
  {
    name: 'net_ipv6_reassembly',
    file: 'net/ipv6/reassembly.c',
    cves: ['CVE-2026-35220'],
    subject: 'ipv6: count fragments before they are kept',
    states: ['test-failed', 'in-review'],
  },
];

const DIFF = `--- a/net/vmw_vsock/virtio_transport_common.c
+++ b/net/vmw_vsock/virtio_transport_common.c
@@ -298,9 +298,14 @@ static u32 virtio_transport_get_credit(struct virtio_vsock_sock *vvs, u32 credit)
 {
 	u32 ret;
 
+	if (!credit)
+		return 0;
+
 	spin_lock_bh(&vvs->tx_lock);
-	ret = vvs->peer_buf_alloc - (vvs->tx_cnt - vvs->peer_fwd_cnt);
-	if (ret > credit)
-		ret = credit;
+	ret = 0;
+	if (vvs->peer_buf_alloc > vvs->tx_cnt - vvs->peer_fwd_cnt)
+		ret = min(vvs->peer_buf_alloc - (vvs->tx_cnt - vvs->peer_fwd_cnt),
+			  credit);
 	vvs->tx_cnt += ret;
 	spin_unlock_bh(&vvs->tx_lock);
 
`;

const PROLOGUE = [
  'push   %rbp',
  'mov    %esi,%ebp',
  'push   %rbx',
  'mov    %rdi,%rbx',
  'lea    0x10(%rdi),%r12',
  'mov    %r12,%rdi',
];
const BODY = [
  'mov    0x2c(%rbx),%eax',
  'sub    0x30(%rbx),%eax',
  'mov    0x28(%rbx),%edx',
  'sub    %eax,%edx',
];
const TAIL = [
  'add    %ebp,0x2c(%rbx)',
  'mov    %r12,%rdi',
  'call   _raw_spin_unlock_bh',
  'mov    %ebp,%eax',
  'pop    %rbx',
  'pop    %rbp',
  'jmp    __x86_return_thunk',
  'int3',
  'nopl   0x0(%rax)',
];

function numbered(lines: readonly string[]): readonly CodeLine[] {
  let offset = 0;
  return lines.map((text) => {
    const line = { offset, text };
    offset += 2 + (text.length % 5);
    return line;
  });
}

const BEFORE = numbered([
  ...PROLOGUE,
  'call   _raw_spin_lock_bh',
  ...BODY,
  'cmp    %ebp,%edx',
  'cmovbe %edx,%ebp',
  ...TAIL,
]);
const AFTER = numbered([
  'test   %esi,%esi',
  'je     0x51',
  ...PROLOGUE,
  'call   _raw_spin_lock_bh',
  ...BODY,
  'jbe    0x43',
  'cmp    %ebp,%edx',
  'cmovbe %edx,%ebp',
  ...TAIL,
  'xor    %eax,%eax',
  'jmp    __x86_return_thunk',
]);

const DETAIL: ConversionDetail = {
  functions: [
    {
      name: 'virtio_transport_get_credit',
      object: 'vmw_vsock_virtio_transport_common',
      source: 'net/vmw_vsock/virtio_transport_common.c',
      why: 'its source changed: lines 298 to 309',
      before: [...BEFORE],
      after: [...AFTER],
      firstDifference: { before: 0, after: 0 },
    },
    {
      name: 'virtio_transport_send_pkt_info',
      object: 'vmw_vsock_virtio_transport_common',
      source: 'net/vmw_vsock/virtio_transport_common.c',
      why: 'virtio_transport_get_credit is inlined into it',
      before: [...BEFORE],
      after: [...AFTER],
      firstDifference: { before: 0, after: 0 },
    },
  ],
  types: [
    {
      type: 'struct virtio_vsock_sock',
      file: 'include/linux/virtio_vsock.h',
      class: 'same layout',
      found: 'no member moved',
      because: 'only a comment changed',
    },
  ],
  sections: [
    { name: '.text.virtio_transport_get_credit', bytes: 92, what: 'code of the function' },
    { name: '__bug_table', bytes: 24, what: 'places of WARN and BUG, which the kernel adds to its own' },
    { name: '.orc_unwind', bytes: 66, what: 'how stacks are unwound through the new code' },
  ],
  added: ['function virtio_transport_peer_space, 38 bytes'],
  statements: [],
  skeleton: null,
};

const SKELETON = `--- a/fs/smb/server/smb2pdu.c
+++ b/fs/smb/server/smb2pdu.c
@@ -24,3 +24,5 @@
 #include "glob.h"
+#include <resplice.h>
+RESPLICE_PRE_APPLY(check_sessions) { return 0; }
 #include "smb2pdu.h"
`;

const LOG = `[    0.000000] Linux version 6.1.0-47-amd64
resplice: applying u1a2b3c4
[    4.101223] livepatch: enabling patch 'resplice_u1a2b3c4'
[    4.310027] livepatch: 'resplice_u1a2b3c4': patching complete
probe: exit status 0
resplice: undoing u1a2b3c4
[    6.022911] livepatch: 'resplice_u1a2b3c4': unpatching complete
`;

/** Ids by name: of the release, of candidates by `UNIT on KERNEL`, of the job that runs. */
export async function fillFactory(
  server: TestServer,
  own: Organisation,
): Promise<Readonly<Record<string, string>>> {
  const { database, artefacts } = server.running.service;
  const { orm } = database;
  const [organisation] = await orm.select().from(organisations).where(eq(organisations.name, own.name));
  const organisationId = organisation?.id ?? '';
  const keep = (kind: Parameters<typeof keepArtefact>[2], content: string) =>
    keepArtefact(artefacts, organisationId, kind, content);
  const ids: Record<string, string> = { release: randomUUID(), job: randomUUID() };
  const releaseId = ids.release ?? '';
  const hours = (count: number): Date => new Date(Date.now() - count * 3_600_000);
  await orm.insert(factoryReleases).values({
    id: releaseId,
    organisationId,
    source: 'debian',
    identity: 'debian 6.1.170-3 6.1.176-1',
    title: 'linux 6.1.176-1',
    fromVersion: '6.1.170-3',
    toVersion: '6.1.176-1',
    state: 'ready',
    kernels: [KERNEL, CLOUD].map(({ release, version }) => `${release}=${version}`),
    untiedCves: ['CVE-2026-30001'],
    noticedAt: hours(30),
    splitAt: hours(29),
  });
  const patch = await keep('patch', DIFF);
  const detail = await keep('detail', JSON.stringify(DETAIL));
  const needsCode = await keep(
    'detail',
    JSON.stringify({ ...DETAIL, functions: [], added: [], types: [], sections: [], skeleton: SKELETON }),
  );
  const log = await keep('log', LOG);
  const updateSha256 = await keep('update', 'the bytes of an update');
  const reviewSha256 = await keep('review', '{}');
  for (const { name, file, cves, subject, states, reason } of UNITS) {
    const unitId = randomUUID();
    await orm.insert(factoryUnits).values({
      id: unitId,
      releaseId,
      name,
      files: [file],
      subjects: [{ subject, confidence: 'certain', why: 'the changelog names the file' }],
      cves: cves.map((cve) => ({
        cve,
        subject,
        confidence: 'likely' as const,
        why: 'its commit changes this file',
      })),
      joined: [],
      sha256: patch,
    });
    for (const [index, { release, version, buildId }] of [KERNEL, CLOUD].entries()) {
      const state = states[index] ?? 'new';
      const id = randomUUID();
      ids[`${name} on ${release}`] = id;
      const made = ['in-review', 'approved', 'published', 'test-failed'].includes(state);
      await orm.insert(factoryCandidates).values({
        id,
        organisationId,
        releaseId,
        unitId,
        kernelRelease: release,
        kernelVersion: version,
        buildId,
        state,
        verdict: made
          ? 'automatic'
          : state === 'needs-code'
            ? 'needs-code'
            : state === 'refused'
              ? 'refused'
              : null,
        priority: cves.includes('CVE-2026-31431') ? 1000 : 10,
        reasons: reason === undefined ? [] : [{ code: reason[0], subject: reason[1], found: reason[2] }],
        requiresUnloaded: [],
        functions: made ? 2 : 0,
        changedAt: hours(2),
        ...(made
          ? {
              updateId: 'u1a2b3c4',
              updateLength: 48_120,
              updateSha256,
              engine: 'livepatch',
              detailSha256: detail,
            }
          : {}),
        ...(state === 'needs-code' ? { detailSha256: needsCode } : {}),
        ...(state === 'in-review' || state === 'approved' ? { reviewSha256 } : {}),
      });
      const history: CandidateState[] = made
        ? ['new', 'converting', 'automatic', 'testing']
        : ['new', 'converting'];
      for (const [step, toState] of [...new Set([...history, state])].entries())
        await orm.insert(factoryHistory).values({
          candidateId: id,
          fromState: history[step - 1] ?? null,
          toState,
          who: step === 0 ? 'worker build-1' : 'worker build-2',
          at: hours(20 - step),
        });
      if (made)
        await orm.insert(factoryTests).values({
          candidateId: id,
          ok: state !== 'test-failed',
          problem: state === 'test-failed' ? 'the kernel log has a warning' : null,
          beside: ['u9f8e7d6'],
          probe: ['exposed', 'safe', 'exposed'],
          updateSha256,
          log: artefactName('log', log),
        });
      if (state === 'approved')
        await orm.insert(factoryReviews).values({
          candidateId: id,
          who: 'user own-reviewer',
          decision: 'approve',
          words: 'bounds are right',
          sha256: reviewSha256,
        });
    }
  }
  await orm.insert(factoryPriorities).values([
    { organisationId, cve: 'CVE-2026-31431', severity: 'high', exploited: true, importedAt: hours(25) },
    { organisationId, cve: 'CVE-2026-40117', severity: 'medium', exploited: false, importedAt: hours(25) },
  ]);
  const running = ids['io_uring_poll on 6.1.0-47-amd64'] ?? null;
  const job = { organisationId, releaseId, attempts: 6, runAfter: hours(1), target: 'x' };
  await orm.insert(factoryJobs).values([
    {
      ...job,
      ...{
        id: ids.job ?? '',
        kind: 'convert',
        state: 'running',
        subject: 'io_uring_poll',
        candidateId: running,
      },
      ...{
        kernel: '6.1.0-47-amd64=6.1.170-3',
        attempt: 1,
        worker: 'build-1',
        startedAt: hours(0.02),
        stage: 'compile',
        percent: 40,
      },
      leasedUntil: new Date(Date.now() + 3_600_000),
    },
    {
      ...job,
      id: randomUUID(),
      kind: 'split',
      state: 'done',
      subject: 'linux 6.1.176-1',
      attempt: 1,
      worker: 'build-2',
      startedAt: hours(30),
      endedAt: hours(29.9),
      cpuMilliseconds: 81_000,
    },
    {
      ...job,
      id: randomUUID(),
      kind: 'test',
      state: 'failed',
      subject: '6.1.0-47-amd64',
      attempt: 6,
      worker: 'build-2',
      startedAt: hours(3),
      endedAt: hours(2.9),
      problem: 'the guest did not start',
      cpuMilliseconds: 240_000,
    },
  ]);
  await orm.insert(factoryJobLogs).values({
    jobId: ids.job ?? '',
    position: 0,
    text: 'taking the kernel 6.1.0-47-amd64 from the cache\ncompiling io_uring/poll.c before and after the patch\n',
  });
  await orm.insert(factoryWorkers).values(
    ['build-1', 'build-2'].map((name, index) => ({
      name,
      startedAt: hours(40),
      seenAt: index === 0 ? new Date() : hours(1),
      kinds: ['split', 'convert', 'test'],
      processors: 8,
      version: '0.1.0',
      done: 41 + index,
      failed: index,
    })),
  );
  await orm.insert(factoryCumulatives).values({
    id: randomUUID(),
    organisationId,
    kernelRelease: KERNEL.release,
    kernelVersion: KERNEL.version,
    number: 3,
    updateId: 'c0ffee12',
    state: 'published',
    publishedAt: hours(4),
    candidates: [],
    units: ['net_netfilter_nf_tables_api'],
    cves: ['CVE-2026-31431', 'CVE-2026-31502'],
    length: 51_200,
    sha256: updateSha256,
  });
  return ids;
}
