import {
  type BootResult,
  describeSwitchedOff,
  openBootNote,
  reapplyWanted,
  settleBoot,
  withClientLock,
} from '@resplice/client';
import { newCommand } from '../command.js';
import { DONE, done, type Outcome, REFUSED } from '../outcome.js';
import { alignColumns } from '../printed-text.js';
import { renderReasons } from '../reason-text.js';
import { applyOn, assertRoot, openServiceClient } from '../service-client.js';
import { runSession } from '../session.js';

export function bootCommand() {
  return newCommand(
    'boot',
    'apply again what was active on this kernel before the reboot; needs no network',
    ['sudo resplice boot', 'sudo resplice boot --retry'],
  )
    .option('--retry', 'also when it was switched off because a machine did not get far after it')
    .option('--settle', 'only note that this boot went well')
    .action((options) =>
      runSession(options, async (session) => {
        const client = await openServiceClient(session);
        assertRoot(client);
        return withClientLock(client, 'boot', async () => {
          if (options.settle === true) {
            await settleBoot(openBootNote(client.places, client.kernel.buildId));
            return done({ settled: true }, []);
          }
          const apply = applyOn(client, session);
          const result = await reapplyWanted(client, { apply, retry: options.retry === true });
          return renderBoot(result, client);
        });
      }),
    );
}

export function renderBoot(
  { switchedOff, updates, endedEarly }: BootResult,
  {
    places,
    kernel,
  }: {
    readonly places: Parameters<typeof describeSwitchedOff>[1];
    readonly kernel: { readonly release: string };
  },
): Outcome {
  const json = { switchedOff: switchedOff ?? null, updates, endedEarly };
  if (switchedOff === 'configuration') {
    return done(json, [`nothing is applied at boot: ${places.configuration} says "reapply-at-boot = no"`]);
  }
  if (switchedOff !== undefined) {
    const line = `nothing is applied: ${describeSwitchedOff(switchedOff, places)}`;
    // What the administrator wants is no failure of the unit; what the guard decided is.
    return { exitStatus: switchedOff === 'crash-loop' ? REFUSED : DONE, json, lines: [line] };
  }
  if (updates.length === 0)
    return done(json, [`nothing was active on this build of ${kernel.release} before`]);
  const failed = updates.some(({ state }) => state !== 'applied' && state !== 'already-applied');
  const rows = updates.map(({ id, state, description }) => [id, state, description]);
  const causes = updates.flatMap(({ id, reasons, error }) => [
    ...(reasons === undefined ? [] : ['', `${id} was refused:`, ...renderReasons(reasons)]),
    ...(error === undefined ? [] : ['', `${id} failed: ${error.message} [${error.code}]`]),
  ]);
  return { exitStatus: failed ? REFUSED : DONE, json, lines: [...alignColumns(rows), ...causes] };
}
