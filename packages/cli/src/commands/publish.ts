import { InvalidArgumentError } from '@commander-js/extra-typings';
import {
  type ListedUpdate,
  listPublished,
  type Publication,
  parseValidity,
  publish,
} from '@resplice/publish';
import { readUpdate } from '@resplice/update';
import type { Brings } from '@resplice/update/repository';
import { collect } from '../command.js';
import { done, type Outcome } from '../outcome.js';
import { alignColumns, formatBytes } from '../printed-text.js';
import { runSession } from '../session.js';
import { newSiteCommand, siteOptions } from '../site-command.js';

export function publishCommand() {
  return newSiteCommand('publish', 'put updates into the repository, withdraw them, and refresh its dates', [
    'resplice publish fix.splice',
    'resplice publish --withdraw fix_1',
    'resplice publish --passphrase-file /run/credentials/resplice/passphrase',
  ])
    .argument('[file...]', 'updates made by "resplice create"; without one, drafts and dates are published')
    .option('--withdraw <id>', 'take this update out; repeatable', collect)
    .option(
      '--brings <release=version>',
      'the later kernel whose security these updates bring together, such as 6.1.0-50-amd64=6.1.176-1',
      parseBrings,
    )
    .option('--valid <role=days>', 'how long metadata is good for, such as timestamp=30; repeatable', collect)
    .option('--list', 'list what is published, and change nothing')
    .action((files, options) =>
      runSession(options, async (session) => {
        const site = siteOptions(options);
        if (options.list === true) return renderPublished(await listPublished(site.site));
        const request = {
          updates: await Promise.all(files.map(readUpdate)),
          withdrawn: options.withdraw ?? [],
          brings: options.brings,
        };
        const validity = parseValidity(options.valid ?? []);
        return renderPublication(await publish(request, { ...site, validity, progress: session.progress }));
      }),
    );
}

function parseBrings(text: string): Brings {
  const [, release, version] = /^([^=\s]+)=([^=\s]+)$/.exec(text) ?? [];
  if (release !== undefined && version !== undefined) return { release, version };
  throw new InvalidArgumentError('Expected RELEASE=VERSION, such as 6.1.0-50-amd64=6.1.176-1.');
}

export function renderPublication({ files, added, withdrawn, notes }: Publication): Outcome {
  const written = files.map(({ path }) => path);
  return done({ added, withdrawn, notes, written }, [
    ...added.map((path) => `published ${path}`),
    ...withdrawn.map((path) => `withdrew ${path}`),
    ...(added.length + withdrawn.length === 0 ? ['published the present state with new dates'] : []),
    ...notes,
  ]);
}

function renderPublished(updates: readonly ListedUpdate[]): Outcome {
  if (updates.length === 0) return done({ updates }, ['nothing is published']);
  const rows = updates.map(({ info, length }) => [
    info.id,
    info.kernel.release,
    formatBytes(length),
    info.cves.join(' '),
    info.description,
  ]);
  return done({ updates }, alignColumns([['ID', 'KERNEL', 'SIZE', 'FIXES', 'DESCRIPTION'], ...rows]));
}
