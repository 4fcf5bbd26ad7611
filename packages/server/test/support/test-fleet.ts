// A fleet that looks like one: three kernels, five updates, machines in every state, made by registering and checking in.

import { join } from 'node:path';
import type { MachineReport } from '@resplice/protocol';
import { eq } from 'drizzle-orm';
import { fleetSamples, organisations } from '../../src/database/schema.js';
import { TestRepository, type TestUpdate } from './test-repository.js';
import { KERNEL, type Organisation, TestMachine, type TestServer } from './test-server.js';

export const CLOUD = {
  release: '6.1.0-47-cloud-amd64',
  version: '6.1.170-3',
  buildId: 'd'.repeat(40),
  architecture: 'x86_64',
  flavour: 'cloud-amd64',
};
export const NEWER = {
  release: '6.12.107+deb12-amd64',
  version: '6.12.107-1~bpo12+1',
  buildId: 'e'.repeat(40),
  architecture: 'x86_64',
  flavour: 'amd64',
};

const FIXES: readonly (readonly [id: string, cves: readonly string[]])[] = [
  ['netfilter_nft_set', ['CVE-2026-31431', 'CVE-2026-31502']],
  ['ksmbd_session', ['CVE-2026-23412']],
  ['vsock_release', ['CVE-2026-40117']],
  ['io_uring_poll', ['CVE-2026-28809', 'CVE-2026-28810']],
  ['ipv6_fragment', ['CVE-2026-35220']],
];

export const UPDATES: readonly TestUpdate[] = [KERNEL, CLOUD].flatMap((kernel) =>
  FIXES.map(([id, cves]) => ({ id, cves, kernel })),
);

export async function makeRepository(folder: string): Promise<string> {
  return (await TestRepository.make(join(folder, 'site'), UPDATES)).folder;
}

type Applied = MachineReport['updates'];

function applied(...ids: readonly string[]): Applied {
  return ids.map((id) => ({
    id,
    name: `fixes ${id}`,
    engine: 'livepatch',
    state: 'applied',
    since: '2026-11-24T08:00:00Z',
  }));
}

const ALL = FIXES.map(([id]) => id);
const effective = (release: string, cvesFixed: number) => ({ release, cvesFixed, cvesOpen: 7 - cvesFixed });

interface Kind {
  readonly count: number;
  readonly name: string;
  readonly group: string | null;
  readonly tags: readonly string[];
  readonly report: Partial<MachineReport>;
}

const KINDS: readonly Kind[] = [
  {
    count: 14,
    name: 'web',
    group: 'web',
    tags: ['web', 'rack-a'],
    report: { updates: applied(...ALL), effective: effective('6.1.176-1', 7) },
  },
  {
    count: 6,
    name: 'db',
    group: 'databases',
    tags: ['db'],
    report: { updates: applied(...ALL.slice(0, 3)), effective: effective('6.1.173-1', 4) },
  },
  {
    count: 3,
    name: 'canary',
    group: 'canary',
    tags: [],
    report: { updates: applied(...ALL), effective: effective('6.1.176-1', 7) },
  },
  {
    count: 8,
    name: 'cloud',
    group: null,
    tags: ['cloud'],
    report: { kernel: CLOUD, updates: applied(...ALL), effective: effective('6.1.176-1', 7) },
  },
  {
    count: 2,
    name: 'build',
    group: null,
    tags: [],
    report: { kernel: NEWER, effective: effective(NEWER.version, 0) },
  },
  {
    count: 1,
    name: 'smb',
    group: 'databases',
    tags: ['db'],
    report: {
      updates: [
        ...applied(...ALL.slice(0, 4)),
        {
          id: 'ipv6_fragment',
          engine: 'livepatch',
          state: 'refused',
          reasons: [{ code: 'function-traced', subject: 'ip6_frag_queue' }],
        },
      ],
      effective: effective('6.1.175-1', 6),
      health: {
        state: 'bad',
        complaints: [
          'WARNING: CPU: 1 PID: 4711 at fs/smb/server/smb2pdu.c:1042 smb2_sess_setup+0x41c/0xb20 [ksmbd]',
          'Call Trace:',
          ' handle_ksmbd_work+0x15c/0x440 [ksmbd]',
        ],
      },
    },
  },
];

/** What was seen in the last week, before and while updates were rolled out. */
async function fillHistory(server: TestServer, name: string): Promise<void> {
  const { orm } = server.running.service.database;
  const [row] = await orm.select().from(organisations).where(eq(organisations.name, name));
  const steps = 7 * 24;
  const rows = Array.from({ length: steps }, (_, step) => {
    const done = Math.min(1, Math.max(0, (step - 60) / 70));
    const safe = Math.round(24 * done);
    const failing = step > 90 && step < 110 ? 2 : 0;
    return {
      organisationId: row?.id ?? '',
      at: new Date(Date.now() - (steps - step) * 3_600_000),
      figures: {
        machines: 34,
        standing: { safe, exposed: 31 - safe - failing, failing, silent: 1, unsupported: 2 },
        effective: { '6.1.170-3': 31 - safe, '6.1.176-1': safe, [NEWER.version]: 2 },
        cvesOpen: {
          critical: step < 80 ? 1 : 0,
          high: Math.round(3 * (1 - done)),
          medium: Math.round(5 * (1 - done)) + 1,
          low: 2,
          unknown: 1,
        },
      },
    };
  });
  await orm.insert(fleetSamples).values(rows);
}

/** Ids of machines by host name. */
export async function fillFleet(
  server: TestServer,
  { key, sessions, name }: Organisation,
): Promise<ReadonlyMap<string, string>> {
  await fillHistory(server, name);
  const ids = new Map<string, string>();
  for (const { count, name: kind, group, tags, report } of KINDS) {
    const own: string[] = [];
    for (let index = 1; index <= count; index += 1) {
      const hostname = `${kind}-${String(index).padStart(2, '0')}.example.org`;
      const machine = new TestMachine(server, {
        ...report,
        updates: [],
        health: { state: 'good', complaints: [] },
        hostname,
      });
      await machine.register(key);
      await machine.checkIn();
      machine.report = { ...machine.report, ...report, hostname };
      await machine.checkIn();
      ids.set(hostname, machine.id);
      own.push(machine.id);
    }
    await server.ask('POST', '/api/v1/machines/change', {
      as: sessions.admin,
      body: { machines: own, change: { group, tags } },
    });
  }
  const groups = await server.ask<{ groups: { id: string; name: string }[] }>('GET', '/api/v1/groups', {
    as: sessions.admin,
  });
  for (const { id, name: group } of groups.body.groups)
    await server.ask('PATCH', `/api/v1/groups/${id}`, {
      as: sessions.admin,
      body: {
        ring: group === 'canary' ? 0 : group === 'web' ? 1 : 2,
        mode: group === 'databases' ? 'notify' : 'install',
      },
    });
  return ids;
}
