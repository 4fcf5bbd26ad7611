import { type ClientStatus, readStatus } from '@resplice/client';
import { openMachine, showUpdate, type UpdateDetails, type UpdateStatus } from '@resplice/host';
import { InputError } from '@resplice/report';
import { parseUpdate } from '@resplice/update';
import { newCommand } from '../command.js';
import { renderManifest } from '../manifest-text.js';
import { done, type Outcome } from '../outcome.js';
import { alignColumns } from '../printed-text.js';
import { openServiceClient } from '../service-client.js';
import { runSession } from '../session.js';
import { renderList } from './list.js';

export function showCommand() {
  return newCommand('show', 'show one update of the running kernel, or which there are', [
    'resplice show fix_1',
    'resplice show --available',
    'resplice show --all',
  ])
    .argument('[id]', 'the update, as "resplice list" names it; without one: those that are applied')
    .option(
      '--available',
      'those that the repository has for this kernel and that are not applied; as of the last refresh',
    )
    .option('--all', 'both')
    .action((id, options) =>
      runSession(options, async (session) => {
        if (id === undefined) {
          const { updates, available, seen } = readStatus(await openServiceClient(session));
          const all = options.all === true;
          return renderSets(
            options.available === true && !all ? [] : updates,
            options.available === true || all ? { available, seen } : undefined,
          );
        }
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

type Available = Pick<ClientStatus, 'available' | 'seen'>;

function renderSets(updates: readonly UpdateStatus[], known: Available | undefined): Outcome {
  if (known === undefined) return renderList(updates);
  const { available, seen } = known;
  const rows = [
    ...updates.map(({ id, state, cves, description }) => [id, state, cves.join(' '), description ?? '']),
    ...available.map(({ id, cves, description }) => [id, 'available', cves.join(' '), description]),
  ];
  const age =
    seen === undefined
      ? 'the repository was never asked about this kernel; run "resplice refresh"'
      : `the repository as of ${seen}`;
  const table = rows.length === 0 ? [] : alignColumns([['ID', 'STATE', 'FIXES', 'DESCRIPTION'], ...rows]);
  return done({ updates, available, seen: seen ?? null }, [...table, age]);
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
