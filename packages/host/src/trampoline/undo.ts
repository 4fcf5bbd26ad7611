// The trampoline engine's part of undoing: the core takes the jumps back in one moment, lets go of the update when no thread runs in it any more,
// and the module is removed.

import type { CoreReply } from '@resplice/engine';
import { accept, type Reason, refuse, silentProgress, type Verdict } from '@resplice/report';
import { moduleNameOf } from '../applicable-update.js';
import { readTextAddress } from '../check/facts.js';
import { DEFAULT_TIMEOUT, type TransitionOptions, unloadUpdate } from '../livepatch/unloading.js';
import type { Machine } from '../machine/machine.js';
import { noteUpdatePhase } from '../state/record.js';
import type { Undone } from '../undo.js';
import type { UpdateStatus } from '../update-status.js';
import { readKeptManifest } from './active-update.js';
import { removeIdleCore } from './core-module.js';
import { forgetUpdate } from './forget.js';
import { describeAnswer, describeBusy, explainHook, type Located, nameUpdate } from './refusal.js';
import { ONCE, QUICK, switchOver } from './switching.js';

/** Nothing that we know stands against it. On any refusal the update stays applied. */
export async function undoByTrampoline(
  machine: Machine,
  { id, state }: UpdateStatus,
  options: TransitionOptions,
): Promise<Verdict<Undone>> {
  const module = moduleNameOf(id);
  const start = machine.milliseconds();
  let pause: number | undefined;
  if (state === 'applied' || (await forgetUpdate(machine, module)) === 'applied') {
    noteUpdatePhase(machine, id, 'undoing');
    const { reply, end } = await switchOver(
      machine,
      { id, switch: { type: 'UNDO', module, ...QUICK }, check: { type: 'CHECK-UNDO', module, ...ONCE } },
      {
        timeoutSeconds: options.timeoutSeconds ?? DEFAULT_TIMEOUT,
        progress: options.progress ?? silentProgress,
        signal: options.signal,
      },
    );
    if (reply.code !== 'OK') {
      noteUpdatePhase(machine, id, 'applied');
      return refuse([explain(machine, id, reply, end, options)]);
    }
    pause = reply.pauseNanoseconds / 1e6;
    await forgetUpdate(machine, module);
  }
  const transition = machine.milliseconds() - start;
  await unloadUpdate(machine, id);
  await removeIdleCore(machine);
  const unload = machine.milliseconds() - start - transition;
  return accept({ transition, unload, ...(pause === undefined ? {} : { pause }) });
}

function explain(
  machine: Machine,
  id: string,
  reply: CoreReply,
  end: 'answered' | 'timeout' | 'cancelled',
  options: TransitionOptions,
): Reason {
  const subject = { object: id };
  if (end === 'cancelled') return { code: 'undo-cancelled', subject, found: 'the command was told to stop' };
  if (end === 'timeout') {
    const seconds = options.timeoutSeconds ?? DEFAULT_TIMEOUT;
    const found = `a task still ran the code of the update after ${seconds} s`;
    return {
      code: 'undo-tasks-busy',
      subject,
      found,
      evidence: describeBusy(machine, reply.busy, locate(machine, id)),
    };
  }
  if (reply.code === 'HOOK_REFUSED') {
    const found = explainHook(machine, reply, readKeptManifest(machine, id));
    return { code: 'undo-hook-refused', subject, found };
  }
  if (reply.code === 'NEEDED')
    return {
      code: 'needed-by-update',
      subject,
      found: `the update ${nameUpdate(reply)} stands on top of it`,
    };
  return { code: 'undo-rejected', subject, found: `the engine answered: ${describeAnswer(reply)}` };
}

/** Where the new functions lie. */
function locate(machine: Machine, id: string): readonly Located[] {
  const text = readTextAddress(machine, moduleNameOf(id));
  if (text === undefined) return [];
  const functions = readKeptManifest(machine, id)?.objects.flatMap((object) => object.functions) ?? [];
  return functions.flatMap(({ jump, replacement, newSize }) =>
    jump === null
      ? []
      : [
          {
            target: { object: moduleNameOf(id), name: replacement },
            address: text + BigInt(jump.to),
            size: newSize,
          },
        ],
  );
}
