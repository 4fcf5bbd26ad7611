// The function that runs when a module is unloaded. It has no ftrace entry, so livepatch cannot redirect it; but the kernel calls it
// through a pointer in the module's `struct module`, and an update can put its own function there for as long as it is applied
// (kmod/exit.c). Other exit code is reached by calls from it and goes along with it.
//
// That is right only while the module's start has not changed: what the running module set up, it set up in the old way, and changed init code or
// data is a reason of its own. Rejected: leaving the change out, which unloads with the code that was found wrong.

import type { Definition } from './definition.js';

/** The name that module_exit() gives the function. */
const EXIT = 'cleanup_module';

/** Whether the module loader calls this function when the module is unloaded. */
export function isModuleExit(definition: Definition): boolean {
  return (
    definition.kind === 'function' &&
    definition.symbols.some(({ name, value }) => name === EXIT && value === definition.start)
  );
}

/** The name that its author gave it; `cleanup_module` is an alias. */
export function nameModuleExit({ name, symbols }: Definition): string {
  return symbols.find((symbol) => symbol.name !== EXIT)?.name ?? name;
}
