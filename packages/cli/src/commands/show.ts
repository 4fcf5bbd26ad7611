import { openMachine, showUpdate, type UpdateDetails } from '@resplice/host';
import { InputError } from '@resplice/report';
import { parseUpdate } from '@resplice/update';
import { newCommand } from '../command.js';
import { renderManifest } from '../manifest-text.js';
import { done, type Outcome } from '../outcome.js';
import { alignColumns } from '../printed-text.js';
import { runSession } from '../session.js';

export function showCommand() {
  return newCommand('show', 'show one update of the running kernel', ['resplice show fix_1'])
    .argument('<id>', 'the update, as "resplice list" names it')
    .action((id, options) =>
      runSession(options, async () => {
        const details = showUpdate(openMachine(), id);
        if (details !== undefined) return renderDetails(details);
        throw new InputError(
          'no-such-update',
          `no update ${JSON.stringify(id)} is known here; see "resplice list"`,
          {
            context: { id },
          },
        );
      }),
    );
}

export function renderDetails({ status, archive, objects }: UpdateDetails): Outcome {
  const manifest =
    archive === undefined ? undefined : parseUpdate(archive, `the stored copy of ${status.id}`).manifest;
  const rows = [
    ['state', `${status.state}: ${status.detail}`],
    ['since', status.since ?? ''],
    ...objects.map(({ name, patched, functions }) => [
      name,
      `${patched ? 'patched' : 'not patched now'}: ${functions.map((each) => each.name).join(', ')}`,
    ]),
  ].filter(([, value]) => value !== '');
  const about = manifest === undefined ? [`update  ${status.id}`] : renderManifest(manifest);
  return done({ status, objects, manifest }, [...alignColumns(rows), '', ...about]);
}
