import { renewDocuments, type SignedDraft, signDrafts } from '@resplice/publish';
import { done, type Outcome } from '../outcome.js';
import { runSession } from '../session.js';
import { newSiteCommand, renderDraft, siteOptions } from '../site-command.js';

export function keysSignCommand() {
  return newSiteCommand('sign', 'sign the drafts of root and targets with the keys at hand', [
    'resplice keys sign --keys /media/offline',
    'resplice keys sign --renew --keys keys --keys /media/offline',
  ])
    .option('--renew', 'first make new drafts with the same keys and a later date of expiry')
    .action((options) =>
      runSession(options, async () => {
        const ceremony = siteOptions(options);
        if (options.renew === true) await renewDocuments(ceremony);
        return renderSigned(await signDrafts(ceremony));
      }),
    );
}

export function renderSigned(drafts: readonly SignedDraft[]): Outcome {
  if (drafts.length === 0) return done({ drafts }, ['nothing waits for signatures']);
  const lines = drafts.flatMap(({ name, version, signedBy, missing }) => [
    `draft/${name}.json: signed by ${signedBy.length === 0 ? 'none of the keys at hand' : signedBy.join(', ')}`,
    ...renderDraft(name, version, missing),
  ]);
  return done({ drafts }, lines);
}
