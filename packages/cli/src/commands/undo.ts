import { forgetWanted } from '@resplice/client';
import { openMachine, type UndoResult, undoUpdate } from '@resplice/host';
import { newCommand, parsePositive } from '../command.js';
import { done, type Outcome, settle } from '../outcome.js';
import { formatDuration } from '../printed-text.js';
import { runSession } from '../session.js';
import { describeSwitch } from './apply.js';

export function undoCommand() {
  return newCommand('undo', 'take an update back and unload it', ['sudo resplice undo fix_1'])
    .argument('<id>', 'the update, as "resplice list" names it')
    .option(
      '--timeout <seconds>',
      'keep the update when it is not taken back after this time',
      parsePositive,
      60,
    )
    .option('--force', 'undo even though the kernel may still call code of the update')
    .action((id, options) =>
      runSession(options, async (session) => {
        const machine = openMachine();
        const verdict = await undoUpdate(machine, id, {
          ...session,
          timeoutSeconds: options.timeout,
          force: options.force,
        });
        // Else it would be back after the next boot.
        if (verdict.ok) await forgetWanted(machine, id);
        return settle(verdict, renderUndone);
      }),
    );
}

export function renderUndone(result: UndoResult): Outcome {
  const { transition, unload, pause } = result.milliseconds;
  const times = `${describeSwitch(transition, pause)}, unload ${formatDuration(unload)}`;
  const head =
    result.state === 'undone' ? `${result.id} is undone (${times})` : `${result.id} is not applied`;
  return done({ ...result }, [head, ...result.notes]);
}
