// A monitoring plugin (Nagios, Icinga, and all that call such): exit status 0, 1, 2 or 3, and one line.

import { judgeStatus, readStatus } from '@resplice/client';
import { RespliceError } from '@resplice/report';
import { newCommand } from '../command.js';
import type { Outcome } from '../outcome.js';
import { openServiceClient } from '../service-client.js';
import { runSession } from '../session.js';

const STATUS = { OK: 0, WARNING: 1, CRITICAL: 2, UNKNOWN: 3 } as const;

export function checkCommand() {
  return newCommand(
    'check',
    'for monitoring: 0 all is well, 1 warning, 2 critical, 3 unknown; asks nobody over the network',
    ['resplice check'],
  ).action((options) =>
    runSession(options, async (session) => {
      try {
        const client = await openServiceClient(session);
        const status = readStatus(client);
        const { level, problems } = judgeStatus(status, client.machine.now());
        const applied = status.updates.filter(({ state }) => state === 'applied').length;
        const open = status.effective.open?.length;
        const numbers = { applied, available: status.available.length, missing: status.missing.length };
        const data = Object.entries({ ...numbers, ...(open === undefined ? {} : { open }) });
        const text = level === 'OK' ? `${applied} applied, nothing missing` : problems.join('; ');
        return plugin(level, text, { level, problems, ...numbers, open: open ?? null }, data);
      } catch (error) {
        // To the monitoring, whatever went wrong here is "cannot tell".
        if (!(error instanceof RespliceError)) throw error;
        return plugin('UNKNOWN', error.message, { level: 'UNKNOWN', problems: [error.message] }, []);
      }
    }),
  );
}

function plugin(
  level: keyof typeof STATUS,
  text: string,
  json: Readonly<Record<string, unknown>>,
  data: readonly (readonly [string, number])[],
): Outcome {
  // A bar would begin the numbers.
  const words = text.replace(/\s+/g, ' ').replaceAll('|', '/');
  const numbers = data.length === 0 ? '' : ` | ${data.map(([name, value]) => `${name}=${value}`).join(' ')}`;
  return { exitStatus: STATUS[level], json, lines: [`RESPLICE ${level} - ${words}${numbers}`] };
}
