import { disassemble } from '@resplice/engine';
import { type ApplicableUpdate, type ApplyResult, applyUpdate, openMachine } from '@resplice/host';
import { encodeUpdate, readUpdate, type Update } from '@resplice/update';
import { newCommand, parsePositive } from '../command.js';
import { done, type Outcome, settle } from '../outcome.js';
import { formatDuration } from '../printed-text.js';
import { runSession } from '../session.js';

export function applyCommand() {
  return newCommand('apply', 'check an update against the running kernel and apply it', [
    'sudo resplice apply fix.splice',
  ])
    .argument('<file>', 'an update made by "resplice create"')
    .option(
      '--timeout <seconds>',
      'take the update back when it is not complete after this time',
      parsePositive,
      60,
    )
    .action((file, options) =>
      runSession(options, async (session) => {
        const update = hostUpdate(await readUpdate(file));
        const verdict = await applyUpdate(openMachine(), update, {
          ...session,
          timeoutSeconds: options.timeout,
          disassemble,
        });
        return settle(verdict, renderApplied);
      }),
    );
}

export function renderApplied(result: ApplyResult): Outcome {
  const { checks, load, transition } = result.milliseconds;
  const times = `checks ${formatDuration(checks)}, load ${formatDuration(load)}, transition ${formatDuration(transition)}`;
  const head =
    result.state === 'applied' ? `${result.id} is applied (${times})` : `${result.id} was already applied`;
  const pending = result.pending.map((name) => `${name} is not loaded; it will be updated when it is`);
  return done({ ...result }, [head, ...pending, ...result.notes]);
}

function hostUpdate(update: Update): ApplicableUpdate {
  const module = update.files.get(update.manifest.module.file) ?? new Uint8Array();
  return { manifest: update.manifest, module, archive: encodeUpdate(update) };
}
