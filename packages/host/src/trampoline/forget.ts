// Makes the core let go of an update that replaces nothing, so that its module can be removed.

import { EnvironmentError } from '@resplice/report';
import { isLoaded } from '../check/facts.js';
import { readModules } from '../kernel/module-list.js';
import type { Machine } from '../machine/machine.js';
import { askCore } from './core-device.js';
import { isCoreLoaded } from './core-module.js';
import { describeAnswer } from './refusal.js';

/** A second of tries, and then one each second. */
const PATIENCE = { attempts: 20, backoffMicroseconds: 1000 } as const;

/**
 * Waits until no thread runs in it. Answers `applied` when it is applied after all: a request for that was under way.
 * Throws EnvironmentError `module-stays-loaded`, `core-unreachable`.
 */
export async function forgetUpdate(machine: Machine, module: string): Promise<'forgotten' | 'applied'> {
  if (!isCoreLoaded(machine) || !isLoaded(readModules(machine), module)) return 'forgotten';
  const reply = await askCore(machine, { type: 'FORGET', module, ...PATIENCE });
  switch (reply.code) {
    case 'OK':
    case 'UNKNOWN':
    case 'NO_MODULE':
      return 'forgotten';
    case 'WRONG_STATE':
      return 'applied';
    default: {
      const message = `${module}: the update replaces nothing, but the engine keeps its module (${describeAnswer(reply)}); run \`resplice undo\` again later`;
      throw new EnvironmentError('module-stays-loaded', message, { context: { module } });
    }
  }
}
