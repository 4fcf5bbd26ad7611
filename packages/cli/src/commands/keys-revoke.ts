import { revokeKey } from '@resplice/publish';
import { done } from '../outcome.js';
import { runSession } from '../session.js';
import { newSiteCommand, siteOptions } from '../site-command.js';

export function keysRevokeCommand() {
  return newSiteCommand('revoke', 'take one key out of every role that it has', [
    'resplice keys revoke root-1f6e03ab',
  ])
    .argument('<key>', 'its id, the beginning of it, or the name of its file')
    .action((key, options) =>
      runSession(options, async () => {
        const { id, roles } = await revokeKey(key, siteOptions(options));
        return done({ id, roles }, [
          `${id.slice(0, 8)} no longer signs for ${roles.join(', ')}`,
          'clients believe it until the change is published: sign with "resplice keys sign", then "resplice publish"',
        ]);
      }),
    );
}
