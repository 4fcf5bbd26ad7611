// Loading a module of ours, whatever it is for.

import type { Reason } from '@resplice/report';
import { explainInsertFailure } from './insert-failure.js';
import type { Machine } from './machine/machine.js';

/** When the kernel refuses, its own lines of the log say why. */
export async function loadModule(
  machine: Machine,
  name: string,
  module: Uint8Array,
): Promise<Reason | undefined> {
  const marker = `resplice: loading ${name}`;
  // Tells our lines of the kernel log from older ones; when it cannot be written, they are chosen by the module's name.
  machine.writeControl('/dev/kmsg', `<6>${marker}`);
  const result = await machine.insertModule(name, module);
  return result.status === 0
    ? undefined
    : explainInsertFailure(name, result, machine.readKernelLog(), marker);
}
