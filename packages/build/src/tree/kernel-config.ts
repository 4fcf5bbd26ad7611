// Reading a .config and saying how two differ. Ours must be the shipped one: the options that may differ are those that Debian
// sets only inside its own build (signing keys, the build salt), none of which reaches compiled code that we compare.

import { EnvironmentError } from '@resplice/report';

export interface ConfigDifference {
  readonly option: string;
  /** Undefined: not set. */
  readonly shipped: string | undefined;
  readonly prepared: string | undefined;
}

const BUILD_ONLY = new Set([
  'CONFIG_BUILD_SALT',
  'CONFIG_MODULE_SIG_ALL',
  'CONFIG_MODULE_SIG_KEY',
  'CONFIG_SYSTEM_TRUSTED_KEYS',
]);

/** With a compiler forced by the user, what Kconfig finds out about the compiler differs too, and that is recorded, not refused. */
const COMPILER_OPTION = /^CONFIG_(?:CC|GCC|CLANG)_/;

/** Option → value as written; `# CONFIG_X is not set` and absence are the same. */
export function parseKernelConfig(text: string): ReadonlyMap<string, string> {
  const options = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^(CONFIG_\w+)=(.*)$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) options.set(match[1], match[2]);
  }
  return options;
}

/** Every option that differs, in the order of names. */
export function compareConfigs(shippedText: string, preparedText: string): readonly ConfigDifference[] {
  const shipped = parseKernelConfig(shippedText);
  const prepared = parseKernelConfig(preparedText);
  return [...new Set([...shipped.keys(), ...prepared.keys()])]
    .filter((option) => shipped.get(option) !== prepared.get(option))
    .sort()
    .map((option) => ({ option, shipped: shipped.get(option), prepared: prepared.get(option) }));
}

/** @throws EnvironmentError `config-differs` that shows each option. */
export function assertSameConfig(shipped: string, prepared: string, compilerForced: boolean): void {
  const wrong = compareConfigs(shipped, prepared).filter(
    ({ option }) => !BUILD_ONLY.has(option) && !(compilerForced && COMPILER_OPTION.test(option)),
  );
  if (wrong.length === 0) return;
  const lines = wrong.map(
    ({ option, shipped: a, prepared: b }) => `  ${option}: shipped ${a ?? 'not set'}, here ${b ?? 'not set'}`,
  );
  throw new EnvironmentError(
    'config-differs',
    `the build tools of this machine change the kernel's configuration, so what they compile would not be the shipped kernel:\n${lines.slice(0, 20).join('\n')}\n` +
      'install the versions the kernel was built with (usually those of its own Debian release)',
    { context: { options: wrong.map((each) => each.option) } },
  );
}
