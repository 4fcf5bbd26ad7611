import { renewDocuments, type SignedDraft, signDrafts, signUpdates } from '@resplice/publish';
import { UsageError } from '@resplice/report';
import { readUpdate, writeUpdate } from '@resplice/update';
import { done, type Outcome } from '../outcome.js';
import { runSession } from '../session.js';
import { newSiteCommand, renderDraft, siteOptions } from '../site-command.js';

export function keysSignCommand() {
  return newSiteCommand(
    'sign',
    'sign the drafts of root and targets with the keys at hand, or modules in updates',
    [
      'resplice keys sign --keys /media/offline',
      'resplice keys sign --renew --keys keys --keys /media/offline',
      'resplice keys sign fix.splice',
    ],
  )
    .argument(
      '[file...]',
      'updates whose modules are signed for the kernel, with the key of "resplice keys mok"',
    )
    .option('--renew', 'first make new drafts with the same keys and a later date of expiry')
    .option('-o, --output <file>', 'where to write the signed update; default: in the place of the one given')
    .action((files, options) =>
      runSession(options, async () => {
        const site = siteOptions(options);
        if (files.length > 0) return await signFiles(files, options.output, site);
        if (options.renew === true) await renewDocuments(site);
        return renderSigned(await signDrafts(site));
      }),
    );
}

async function signFiles(
  files: readonly string[],
  output: string | undefined,
  site: ReturnType<typeof siteOptions>,
): Promise<Outcome> {
  if (output !== undefined && files.length > 1) {
    throw new UsageError('one-output', '-o names one file; sign one update at a time with it');
  }
  const signed = await signUpdates(await Promise.all(files.map(readUpdate)), site);
  const lines: string[] = [];
  for (const [index, update] of signed.entries()) {
    const path = output ?? files[index] ?? '';
    await writeUpdate(path, update);
    lines.push(`${path}: the module of ${update.manifest.id} is signed`);
  }
  return done({ signed: signed.map(({ manifest }) => manifest.id) }, lines);
}

export function renderSigned(drafts: readonly SignedDraft[]): Outcome {
  if (drafts.length === 0) return done({ drafts }, ['nothing waits for signatures']);
  const lines = drafts.flatMap(({ name, version, signedBy, missing }) => [
    `draft/${name}.json: signed by ${signedBy.length === 0 ? 'none of the keys at hand' : signedBy.join(', ')}`,
    ...renderDraft(name, version, missing),
  ]);
  return done({ drafts }, lines);
}
