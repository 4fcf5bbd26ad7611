import {
  type ClientStatus,
  describeSwitchedOff,
  makeReport,
  placesBelow,
  readStatus,
} from '@resplice/client';
import { newCommand } from '../command.js';
import { done, type Outcome } from '../outcome.js';
import { alignColumns, count } from '../printed-text.js';
import { openServiceClient } from '../service-client.js';
import { runSession } from '../session.js';

export function statusCommand() {
  return newCommand('status', 'what this machine has, wants and lacks, and how it gets on with its server', [
    'resplice status',
    'sudo resplice status --report',
  ])
    .option('--report', 'print exactly what a check-in would tell the server now')
    .action((options) =>
      runSession(options, async (session) => {
        const client = await openServiceClient(session);
        if (options.report !== true) return renderStatus(readStatus(client));
        const report = makeReport(client);
        return done({ report }, [JSON.stringify(report, null, 2)]);
      }),
    );
}

export function renderStatus(status: ClientStatus): Outcome {
  const { kernel, effective, updates, missing, available, withdrawn, outcomes, keptKernels } = status;
  const applied = updates.filter(({ state }) => state === 'applied');
  const rows = [
    ['kernel', `${[kernel.release, kernel.version].join(' ').trim()}, build id ${kernel.buildId}`],
    ['effective', `${effective.release} ${effective.version}`.trim()],
    [
      'applied',
      listOf(
        applied.map(({ id }) => id),
        'nothing',
      ),
    ],
    [
      'missing',
      listOf(
        missing.map(({ id }) => id),
        '',
      ),
    ],
    [
      'available',
      listOf(
        available.map(({ id }) => id),
        status.seen === undefined ? 'unknown; run "resplice refresh"' : 'nothing more',
      ),
    ],
    ['withdrawn', listOf(withdrawn, '')],
    ['health', describeHealth(status)],
    [
      'switched off',
      status.switchedOff === undefined ? '' : describeSwitchedOff(status.switchedOff, placesBelow()),
    ],
    ...describeServer(status),
    ['kept', keptKernels.length === 0 ? '' : `updates for ${count(keptKernels.length, 'kernel build')}`],
  ].filter(([, value]) => value !== '');
  const trouble = outcomes.flatMap(({ id, state, reasons, since }) => [
    `${id}: ${state} (${since})`,
    ...reasons.map(
      ({ code, subject, found }) =>
        `  ${[subject, found].filter((part) => part !== '').join(': ')} [${code}]`,
    ),
  ]);
  const complaints = (status.healthNote?.complaints ?? [])
    .flatMap((text) => text.split('\n'))
    .map((line) => `  | ${line}`);
  const { registration, switchedOff = null, healthNote = null, seen = null, ...rest } = status;
  const whole = { ...effective, open: effective.open ?? null, seen: effective.seen ?? null };
  // `nonce` is nothing that anybody needs.
  const known = registration === undefined ? null : { ...registration, nonce: undefined };
  return done({ ...rest, effective: whole, switchedOff, healthNote, seen, registration: known }, [
    ...alignColumns(rows),
    ...complaints,
    ...trouble,
  ]);
}

function describeHealth({ health, healthNote }: ClientStatus): string {
  if (health === 'good') return 'good';
  if (health === 'watching') return 'an update is young; the kernel log is watched';
  const undone = healthNote?.updates.map(({ id, undone, detail }) =>
    undone ? `${id} was undone` : `${id} could not be undone: ${detail}`,
  );
  return `bad since ${healthNote?.since ?? ''}: the kernel complained; ${(undone ?? []).join(', ')}`;
}

function describeServer({ registration }: ClientStatus): readonly (readonly string[])[] {
  if (registration === undefined) return [['server', 'none; see "resplice register"']];
  const { server, machine, state, group, lastCheckIn, nextCheckIn, message, stopped } = registration;
  return [
    ['server', server],
    ['machine', `${machine}, ${state}${group === null ? '' : `, group ${group}`}`],
    [
      'check-in',
      stopped === null
        ? `last ${lastCheckIn ?? 'never'}, next not before ${nextCheckIn}`
        : `stopped: ${stopped.message} [${stopped.code}]`,
    ],
    ['message', message ?? ''],
  ];
}

function listOf(ids: readonly string[], none: string): string {
  return ids.length === 0 ? none : ids.join(', ');
}
