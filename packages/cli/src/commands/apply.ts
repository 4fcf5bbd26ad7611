import { applyAndKeep, checkSwitchedOff, openClient, placesBelow, withClientLock } from '@resplice/client';
import { disassemble } from '@resplice/engine';
import { type ApplyResult, applyUpdate, openMachine } from '@resplice/host';
import { readUpdate, type Update } from '@resplice/update';
import { newCommand, parsePositive } from '../command.js';
import { hostUpdate } from '../host-update.js';
import { done, type Outcome, refused, settle } from '../outcome.js';
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
    .option('--keep', 'apply it again at every boot of this kernel, as "resplice upgrade" does')
    .option('--replace', 'take back all other updates of the trampoline engine in the same moment')
    .action((file, options) =>
      runSession(options, async (session) => {
        const update = await readUpdate(file);
        const machine = openMachine();
        const apply = (each: Update) =>
          applyUpdate(machine, hostUpdate(each), {
            ...session,
            timeoutSeconds: options.timeout,
            disassemble,
            replace: options.replace,
          });
        const off = checkSwitchedOff({ machine, places: placesBelow() });
        if (off !== undefined) return refused([off]);
        if (options.keep !== true || machine.uid !== 0) return settle(await apply(update), renderApplied);
        const client = await openClient(machine, session);
        const verdict = await withClientLock(client, 'apply', () => applyAndKeep(client, update, apply));
        return settle(verdict, renderApplied);
      }),
    );
}

export function renderApplied(result: ApplyResult): Outcome {
  const { checks, load, transition, pause } = result.milliseconds;
  const before = `checks ${formatDuration(checks)}, load ${formatDuration(load)}`;
  const times = `${before}, ${describeSwitch(transition, pause)}`;
  const head =
    result.state === 'applied' ? `${result.id} is applied (${times})` : `${result.id} was already applied`;
  const pending = result.pending.map((name) => `${name} is not loaded; it will be updated when it is`);
  const replaced = result.replaced.map((id) => `it replaces ${id}, which is not applied any more`);
  const engine = `engine ${result.engine}: ${result.engineReason}`;
  return done({ ...result }, [head, engine, ...replaced, ...pending, ...result.notes]);
}

/** The livepatch core lets tasks change over one by one; the trampoline engine stops all processors for a moment. */
export function describeSwitch(milliseconds: number, pause: number | undefined): string {
  const duration = formatDuration(milliseconds);
  return pause === undefined
    ? `transition ${duration}`
    : `switch ${duration}, processors stopped for ${pause.toFixed(2)} ms`;
}
