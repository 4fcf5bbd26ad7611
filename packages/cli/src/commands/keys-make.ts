import { type MadeKey, makeRoleKeys, rotateRoleKeys } from '@resplice/publish';
import { parsePositive } from '../command.js';
import { done, type Outcome } from '../outcome.js';
import { alignColumns } from '../printed-text.js';
import { runSession } from '../session.js';
import { newSiteCommand, siteOptions } from '../site-command.js';

const ROLES = 'root, targets, snapshot, timestamp, or a kernel family such as linux-6.1';
const NEXT = 'nothing is in use yet: sign with "resplice keys sign", then "resplice publish"';

export function keysMakeCommand() {
  return newSiteCommand('make', 'make keys for roles of the repository', [
    'resplice keys make root --count 3 --threshold 2 --keys /media/offline',
    'resplice keys make targets snapshot timestamp linux-6.1',
  ])
    .argument('<role...>', ROLES)
    .option('--count <number>', 'how many keys for each role; default: 1', parsePositive)
    .option(
      '--threshold <number>',
      'how many keys of the role have to sign; default: as it is, or 1',
      parsePositive,
    )
    .action((roles, options) =>
      runSession(options, async () => {
        const { count, threshold } = options;
        return renderMade(await makeRoleKeys({ roles, count, threshold }, siteOptions(options)), []);
      }),
    );
}

export function keysRotateCommand() {
  return newSiteCommand('rotate', 'put new keys in the place of all keys that a role has', [
    'resplice keys rotate timestamp',
    'resplice keys rotate root --count 3 --threshold 2 --keys /media/offline',
  ])
    .argument('<role...>', ROLES)
    .option('--count <number>', 'how many keys for each role; default: as many as before', parsePositive)
    .option(
      '--threshold <number>',
      'how many keys of the role have to sign; default: as it is',
      parsePositive,
    )
    .action((roles, options) =>
      runSession(options, async () => {
        const { count, threshold } = options;
        const made = await rotateRoleKeys({ roles, count, threshold }, siteOptions(options));
        const old = roles.includes('root')
          ? ['the old root keys have to sign the change too; keep them until it is published']
          : ['keep the old keys until the change is published, then delete them'];
        return renderMade(made, old);
      }),
    );
}

function renderMade(made: readonly MadeKey[], advice: readonly string[]): Outcome {
  const rows = made.map(({ role, file }) => [role, file.id.slice(0, 8), file.path]);
  const keys = made.map(({ role, file }) => ({ role, id: file.id, file: file.path }));
  return done({ keys }, [...alignColumns(rows), NEXT, ...advice]);
}
