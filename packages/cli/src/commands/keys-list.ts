import { type KeyList, listKeys } from '@resplice/publish';
import { done, type Outcome } from '../outcome.js';
import { alignColumns } from '../printed-text.js';
import { runSession } from '../session.js';
import { newSiteCommand, renderDraft, siteOptions } from '../site-command.js';

export function keysListCommand() {
  return newSiteCommand('list', 'list who may sign what, what waits for signatures, and what expires when', [
    'resplice keys list',
    'resplice keys list --keys keys --keys /media/offline',
  ]).action((options) =>
    runSession(options, async () => {
      const { site, folders, now } = siteOptions(options);
      return renderKeys(await listKeys(site, folders, now));
    }),
  );
}

export function renderKeys({ keys, drafts, expiry }: KeyList): Outcome {
  const rows = keys.map(({ role, threshold, id, state, file }) => {
    const all = keys.filter((each) => each.role === role && each.state !== 'until publish').length;
    return [role, `${threshold} of ${all}`, id.slice(0, 8), state, file ?? 'not in these folders'];
  });
  const ends = expiry.map(({ role, version, expires }) => [role, String(version), expires]);
  return done({ keys, drafts, expiry }, [
    ...alignColumns([['ROLE', 'NEEDS', 'KEY', 'STATE', 'FILE'], ...rows]),
    ...(ends.length === 0 ? [] : ['', ...alignColumns([['PUBLISHED', 'VERSION', 'EXPIRES'], ...ends])]),
    ...(drafts.length === 0 ? [] : ['']),
    ...drafts.flatMap(({ name, version, missing }) => renderDraft(name, version, missing)),
  ]);
}
