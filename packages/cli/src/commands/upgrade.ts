import { disassemble } from '@resplice/engine';
import { applyUpdate, openMachine, type UpgradeResult, upgradeMachine } from '@resplice/host';
import { collect, newCommand, parsePositive } from '../command.js';
import { DONE, type Outcome, REFUSED, refused } from '../outcome.js';
import { alignColumns } from '../printed-text.js';
import { renderReasons } from '../reason-text.js';
import { CONFIGURED_ROOT, openRepository, STATE_FOLDER } from '../repository-client.js';
import { runSession } from '../session.js';
import { hostUpdate } from './apply.js';

export function upgradeCommand() {
  return newCommand('upgrade', 'apply the updates that a repository has for the running kernel', [
    'sudo resplice upgrade --from https://updates.example.org --root root.json',
    'sudo resplice upgrade --from /media/updates --id fix_1',
    'resplice upgrade -n --from https://updates.example.org',
  ])
    .requiredOption('--from <address>', 'address of the repository, or a folder with a copy of it')
    .option('--root <file>', `the root to believe; default: ${CONFIGURED_ROOT}`)
    .option('-n, --dry-run', 'say what would be applied, and change nothing')
    .option('--id <id>', 'only this update and those that it requires; repeatable', collect)
    .option(
      '--timeout <seconds>',
      'take an update back when it is not complete after this time',
      parsePositive,
      60,
    )
    .option('--state <folder>', 'where it is remembered what was seen', STATE_FOLDER)
    .action((options) =>
      runSession(options, async (session) => {
        const machine = openMachine();
        if (machine.uid !== 0 && options.dryRun !== true) {
          return refused([{ code: 'not-root', subject: {}, found: `runs as user ${machine.uid}` }]);
        }
        const trusted = await openRepository({ ...options, signal: session.signal });
        const apply = { ...session, timeoutSeconds: options.timeout, disassemble };
        const result = await upgradeMachine(machine, trusted, {
          ...session,
          ids: options.id ?? [],
          dryRun: options.dryRun === true,
          apply: (update) => applyUpdate(machine, hostUpdate(update), apply),
        });
        return renderUpgrade(result);
      }),
    );
}

export function renderUpgrade({ kernel, updates, unpublished }: UpgradeResult): Outcome {
  const failed = updates.some(({ state }) => state === 'refused' || state === 'waits');
  const rows = updates.map(({ id, state, cves, description }) => [id, state, cves.join(' '), description]);
  const reasons = updates.flatMap(({ id, reasons = [] }) =>
    reasons.length === 0 ? [] : ['', `${id} was refused:`, ...renderReasons(reasons)],
  );
  const pending = updates.flatMap(({ id, result }) =>
    (result?.pending ?? []).map((name) => `${id}: ${name} is not loaded; it will be updated when it is`),
  );
  const gone = unpublished.map(
    (id) => `${id} is applied and not in the repository; to take it back: resplice undo ${id}`,
  );
  const table =
    rows.length === 0
      ? [`the repository has no update for ${kernel.release}, build id ${kernel.buildId}`]
      : alignColumns([['ID', 'STATE', 'FIXES', 'DESCRIPTION'], ...rows]);
  return {
    exitStatus: failed ? REFUSED : DONE,
    json: { kernel, updates, unpublished },
    lines: [...table, ...pending, ...gone, ...reasons],
  };
}
