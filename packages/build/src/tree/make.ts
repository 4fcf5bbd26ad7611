// Calls of the kernel's make.

import { runCommand } from '../debian/command.js';
import type { Compiler } from './compiler.js';

/** make with the variables that every call needs, so that no call changes what another one made. */
export class Make {
  readonly #directory: string;
  readonly #signal: AbortSignal | undefined;
  readonly variables: readonly string[];
  /** Fixed, so that two preparations of one kernel give the same bytes. */
  readonly environment = {
    KBUILD_BUILD_USER: 'resplice',
    KBUILD_BUILD_HOST: 'resplice',
    KBUILD_BUILD_TIMESTAMP: 'Thu Jan  1 00:00:00 UTC 1970',
    KBUILD_BUILD_VERSION: '1',
  };

  constructor(directory: string, compiler: Compiler, signal: AbortSignal | undefined) {
    this.#directory = directory;
    this.#signal = signal;
    // Debian's kernels hold no Rust; a rustc on this machine would only change what Kconfig finds out.
    this.variables = [`CC=${compiler.command}`, `HOSTCC=${compiler.command}`, 'RUSTC=false', 'BINDGEN=false'];
  }

  async run(args: readonly string[]): Promise<void> {
    // setpriv: when we are killed, make is told to stop, and stops what it started.
    await runCommand('setpriv', ['--pdeathsig', 'TERM', 'make', ...this.variables, ...args], {
      directory: this.#directory,
      environment: this.environment,
      ...(this.#signal === undefined ? {} : { signal: this.#signal }),
    });
  }
}
