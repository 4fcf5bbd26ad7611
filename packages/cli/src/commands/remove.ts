import { listRemovable, type TakenBack, takeBack, withClientLock } from '@resplice/client';
import { UsageError } from '@resplice/report';
import { newCommand } from '../command.js';
import { DONE, type Outcome, REFUSED } from '../outcome.js';
import { alignColumns } from '../printed-text.js';
import { renderReasons } from '../reason-text.js';
import { assertRoot, openServiceClient, undoOn } from '../service-client.js';
import { runSession } from '../session.js';

export function removeCommand() {
  return newCommand('remove', 'undo updates and keep the timer and the next boot from applying them again', [
    'sudo resplice remove fix_1',
    'sudo resplice remove --all',
  ])
    .argument('[id...]', 'the updates, as "resplice list" names them')
    .option('--all', 'all of them, the newest first')
    .action((ids, options) =>
      runSession(options, async (session) => {
        if (ids.length === 0 && options.all !== true) {
          throw new UsageError('nothing-named', 'name the updates to be removed, or all with --all');
        }
        const client = await openServiceClient(session);
        assertRoot(client);
        return withClientLock(client, 'remove', async () => {
          const known = listRemovable(client);
          // Those named in an order that works; what is not there is answered as such.
          const wanted =
            options.all === true
              ? known
              : [...known.filter((id) => ids.includes(id)), ...ids.filter((id) => !known.includes(id))];
          return renderRemoved(await takeBack(client, wanted, undoOn(client, session), 'removed'));
        });
      }),
    );
}

export function renderRemoved(removed: readonly TakenBack[]): Outcome {
  const failed = removed.some(({ state }) => state === 'refused' || state === 'failed');
  const rows = removed.map(({ id, state, error }) => [
    id,
    error === undefined ? state : `${state}: ${error.message}`,
  ]);
  const reasons = removed.flatMap(({ id, reasons }) =>
    reasons === undefined ? [] : ['', `${id} stays applied:`, ...renderReasons(reasons)],
  );
  const lines = removed.length === 0 ? ['nothing is applied'] : [...alignColumns(rows), ...reasons];
  return { exitStatus: failed ? REFUSED : DONE, json: { removed }, lines };
}
