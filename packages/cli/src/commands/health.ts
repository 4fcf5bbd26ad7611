import { InvalidArgumentError } from '@commander-js/extra-typings';
import { type HealthResult, LOOKS, watchHealth } from '@resplice/client';
import { newCommand } from '../command.js';
import { DONE, type Outcome, REFUSED } from '../outcome.js';
import { assertRoot, openServiceClient, undoOn } from '../service-client.js';
import { runSession } from '../session.js';

export function healthCommand() {
  return newCommand(
    'health',
    'watch the kernel log after updates were applied, and undo them when the kernel complains; the unit runs it',
    ['sudo resplice health', 'sudo resplice health --once'],
  )
    .option('--at <minutes>', 'when to look, after an update was applied', parseMinutes, LOOKS)
    .option('--once', 'look at what is due and wait for nothing')
    .action((options) =>
      runSession(options, async (session) => {
        const client = await openServiceClient(session);
        assertRoot(client);
        const undo = undoOn(client, session);
        return renderHealth(
          await watchHealth(client, { undo, minutes: options.at, once: options.once === true }),
        );
      }),
    );
}

function parseMinutes(text: string): readonly number[] {
  const minutes = text.split(',').map(Number);
  const rising = minutes.every((each, index) => each > (minutes[index - 1] ?? 0));
  if (rising && minutes.every((each) => Number.isFinite(each))) return minutes;
  throw new InvalidArgumentError(
    'Expected rising numbers of minutes with commas between them, such as 1,5,15.',
  );
}

function renderHealth({ state, looks, note }: HealthResult): Outcome {
  if (note === undefined) {
    const line =
      state === 'watching' ? 'clean so far; there is more to watch' : 'nothing is to be watched any more';
    return { exitStatus: DONE, json: { state, looks }, lines: [line] };
  }
  const lines = [
    'the kernel complained after an update was applied:',
    ...note.complaints.flatMap((text) => text.split('\n')).map((line) => `  | ${line}`),
    ...note.updates.map(({ id, undone, detail }) =>
      undone ? `${id} was undone` : `${id} could not be undone: ${detail}`,
    ),
  ];
  return { exitStatus: REFUSED, json: { state, looks, note }, lines };
}
