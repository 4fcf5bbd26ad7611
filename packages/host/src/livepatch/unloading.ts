// Taking an update out of the kernel: disable it, let the tasks leave it, remove the module. Shared by undo, by an apply that
// takes itself back, and by recovery.

import { EnvironmentError, type ProgressSink, silentProgress } from '@resplice/report';
import { moduleNameOf } from '../applicable-update.js';
import { LIVEPATCH_DIRECTORY, readSwitch } from '../kernel/livepatch-list.js';
import { readModules } from '../kernel/module-list.js';
import type { Machine } from '../machine/machine.js';
import { removeUpdateState } from '../state/record.js';
import { type WatchResult, watchTransition } from './transition.js';

export interface TransitionOptions {
  /** How long tasks may take to switch before it is turned round; 60 when absent. */
  readonly timeoutSeconds?: number | undefined;
  readonly progress?: ProgressSink | undefined;
  /** Aborting turns a running transition round. */
  readonly signal?: AbortSignal | undefined;
}

export const DEFAULT_TIMEOUT = 60;

/** Ten seconds. */
const ATTEMPTS = 100;
const PAUSE = 100;

/** Switches a live patch on or off, or turns its running transition round; returns the errno's name when refused. */
export function writeSwitch(machine: Machine, module: string, enabled: boolean): string | undefined {
  return machine.writeControl(`${LIVEPATCH_DIRECTORY}/${module}/enabled`, enabled ? '1' : '0');
}

/**
 * Turns a transition to the update round, or disables the update, and removes every trace once no task uses it. Not
 * cancellable, because it is itself the way back. On any other end than `complete` the module stays and so does its record.
 */
export async function takeBack(
  machine: Machine,
  id: string,
  options: TransitionOptions,
): Promise<WatchResult> {
  const module = moduleNameOf(id);
  const progress = options.progress ?? silentProgress;
  // Refused only when it is already disabled; what counts is what the watch sees.
  if (readSwitch(machine, module)?.enabled === true) writeSwitch(machine, module, false);
  const timeoutSeconds = options.timeoutSeconds ?? DEFAULT_TIMEOUT;
  const watched = await watchTransition(machine, {
    module,
    goal: 'unpatched',
    timeoutSeconds,
    progress,
    stage: 'take-back',
  });
  if (watched.end === 'complete') await unloadUpdate(machine, id);
  return watched;
}

/**
 * Removes the module of an update that patches nothing any more, and what we noted about it. The kernel lets go of the module
 * a moment after the transition, hence the attempts. Throws EnvironmentError `module-stays-loaded`.
 */
export async function unloadUpdate(machine: Machine, id: string): Promise<void> {
  const module = moduleNameOf(id);
  let output = '';
  for (let attempt = 0; isLoaded(machine, module); attempt += 1) {
    if (attempt === ATTEMPTS) {
      throw new EnvironmentError(
        'module-stays-loaded',
        `${module}: the update is disabled, but the kernel keeps its module (${output.trim()}); run \`resplice undo ${id}\` again later`,
        { context: { module } },
      );
    }
    if (attempt > 0) await machine.sleep(PAUSE);
    output = (await machine.removeModule(module)).output;
  }
  removeUpdateState(machine, id);
}

/**
 * A killed command's insmod may still be at work, and a module half loaded can neither be disabled nor removed. Gives up
 * silently after 10 s: whoever asks then finds the module as it is.
 */
export async function waitUntilLoaded(machine: Machine, module: string): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    if (readModules(machine).find(({ name }) => name === module)?.state !== 'loading') return;
    await machine.sleep(PAUSE);
  }
}

function isLoaded(machine: Machine, module: string): boolean {
  return readModules(machine).some(({ name }) => name === module);
}
