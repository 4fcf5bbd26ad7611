import { InvalidArgumentError } from '@commander-js/extra-typings';
import { askService, type Client, type HealthResult, LOOKS, watchHealth } from '@resplice/client';
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
        const result = await watchHealth(client, {
          undo,
          minutes: options.at,
          once: options.once === true,
        });
        return tellServer(client, result);
      }),
    );
}

/** Others get or do not get the update by what this machine says, so that does not wait for the timer. */
async function tellServer(client: Client, result: HealthResult): Promise<Outcome> {
  const outcome = renderHealth(result);
  const isNews = result.note !== undefined || (result.state === 'good' && result.looks > 0);
  const { problem } = isNews ? await askService(client, false) : { problem: undefined };
  if (problem === undefined) return outcome;
  const { code, message } = problem;
  // The timer tells it later; what was found out about this machine stands.
  return {
    ...outcome,
    json: { ...outcome.json, service: { code, message } },
    lines: [...outcome.lines, `the server has not heard it yet: ${message} [${code}]`],
  };
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
