// The compiler must be the kernel's own, to the last digit: code bytes are compared with the shipped image, and another
// compiler lays out other code. The kernel's configuration records it: CONFIG_CC_VERSION_TEXT="gcc-12 (Debian 12.2.0-14+deb12u1) 12.2.0".
// Its first word is also the name make must be given, or the configuration changes (`gcc-12` on 6.1, `x86_64-linux-gnu-gcc-12` on 6.12).

import { EnvironmentError, InputError } from '@resplice/report';
import { runCommand } from '../debian/command.js';
import { findProgram } from './build-tools.js';
import { parseKernelConfig } from './kernel-config.js';

export interface Compiler {
  /** As given to make's CC and as the first word of every recorded command. */
  readonly command: string;
  /** First line of `--version`. */
  readonly versionText: string;
  /** The version the kernel was built with, when another one was forced; else null. */
  readonly replaces: string | null;
}

/** The version text the configuration demands. */
export function findCompilerText(config: string): string | undefined {
  const value = parseKernelConfig(config).get('CONFIG_CC_VERSION_TEXT');
  return value === undefined ? undefined : /^"(.+)"$/.exec(value)?.[1];
}

/**
 * Finds the compiler that the kernel names, or checks the one that was forced.
 * @throws EnvironmentError `compiler-missing` or `compiler-differs`, naming the package to install.
 */
export async function findCompiler(config: string, override: string | undefined): Promise<Compiler> {
  const expected = findCompilerText(config);
  if (expected === undefined)
    throw new InputError('no-compiler-named', 'the kernel configuration has no CONFIG_CC_VERSION_TEXT');
  const command = override ?? expected.split(' ')[0] ?? expected;
  if (/[\s'"]/.test(command))
    throw new InputError('bad-compiler-name', `"${command}" is not the name of a compiler program`);
  if ((await findProgram(command)) === undefined) {
    throw new EnvironmentError(
      'compiler-missing',
      `this kernel was built with ${expected}, and ${command} is not installed; run \`apt-get install ${packageOf(command)}\``,
      { context: { expected, command, package: packageOf(command) } },
    );
  }
  const versionText = (await runCommand(command, ['--version'])).stdout.split('\n')[0] ?? '';
  if (override !== undefined)
    return { command, versionText, replaces: versionText === expected ? null : expected };
  if (versionText === expected) return { command, versionText, replaces: null };
  throw new EnvironmentError(
    'compiler-differs',
    `this kernel was built with ${expected}, but ${command} here is ${versionText}; install that version of ${packageOf(command)} ` +
      `(\`apt-get install ${packageOf(command)}\` may bring it), or name a compiler explicitly to use it all the same`,
    { context: { expected, found: versionText, package: packageOf(command) } },
  );
}

/** `x86_64-linux-gnu-gcc-12` is in the package `gcc-12`. */
function packageOf(command: string): string {
  return /(?:gcc|clang)(?:-[\d.]+)?$/.exec(command)?.[0] ?? command;
}
