// /etc/resplice/resplice.conf: `key = value`, one a line, `#` begins a comment. Rejected: TOML or INI sections, for a dozen values need
// no nesting, and an administrator's sed or Ansible's lineinfile must be able to change one. A mistake is an error with its line and never
// a default: a machine that ignores `auto = intsall` would stay unsafe in silence.

import { readFile } from 'node:fs/promises';
import { InputError } from '@resplice/report';

export type Automatic = 'off' | 'notify' | 'install';

export interface Configuration {
  /** Address of the server, when `register` is not told one. */
  readonly server: string | undefined;
  /** Where updates come from, when that is not the server: an address or a folder. */
  readonly repository: string | undefined;
  /** What the timer does; undefined: what the server says, `notify` without one. */
  readonly auto: Automatic | undefined;
  readonly reapplyAtBoot: boolean;
  /** How many boots in a row may end early after updates were applied again, before that is switched off. */
  readonly bootAttempts: number;
  /** Address of a proxy, `none`, or undefined: what the environment says. */
  readonly proxy: string | undefined;
  readonly noProxy: string | undefined;
  /** Certificates of authorities that are believed besides those of Node.js, for the connection to server and repository. */
  readonly caFile: string | undefined;
  readonly sendHostname: boolean;
  /** Seconds after which a transition is taken back. */
  readonly timeoutSeconds: number;
}

export const DEFAULTS: Configuration = {
  server: undefined,
  repository: undefined,
  auto: undefined,
  reapplyAtBoot: true,
  bootAttempts: 1,
  proxy: undefined,
  noProxy: undefined,
  caFile: undefined,
  sendHostname: false,
  timeoutSeconds: 60,
};

interface Key {
  readonly expected: string;
  /** Undefined when the value makes no sense. */
  readonly read: (value: string) => Partial<Configuration> | undefined;
}

const KEYS: ReadonlyMap<string, Key> = new Map<string, Key>([
  ['server', address((server) => ({ server }))],
  [
    'repository',
    {
      expected: 'https://HOST/PATH, http://HOST/PATH or the absolute path of a folder',
      read: (repository) =>
        isWebAddress(repository) || repository.startsWith('/') ? { repository } : undefined,
    },
  ],
  [
    'auto',
    {
      expected: 'off, notify or install',
      read: (value) =>
        value === 'off' || value === 'notify' || value === 'install' ? { auto: value } : undefined,
    },
  ],
  ['reapply-at-boot', yesOrNo((reapplyAtBoot) => ({ reapplyAtBoot }))],
  ['boot-attempts', wholeNumber(10, (bootAttempts) => ({ bootAttempts }))],
  [
    'proxy',
    {
      expected: 'http://HOST:PORT, https://HOST:PORT or none',
      read: (proxy) => (proxy === 'none' || isWebAddress(proxy) ? { proxy } : undefined),
    },
  ],
  ['no-proxy', { expected: 'host names with commas between them', read: (noProxy) => ({ noProxy }) }],
  [
    'ca-file',
    {
      expected: 'the absolute path of a file of certificates (PEM)',
      read: (caFile) => (caFile.startsWith('/') ? { caFile } : undefined),
    },
  ],
  ['send-hostname', yesOrNo((sendHostname) => ({ sendHostname }))],
  ['timeout', wholeNumber(3600, (timeoutSeconds) => ({ timeoutSeconds }))],
]);

/** Defaults when there is no file. Throws InputError `configuration-malformed`, `configuration-not-readable`. */
export async function readConfiguration(file: string): Promise<Configuration> {
  try {
    return parseConfiguration(await readFile(file, 'utf8'), file);
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return DEFAULTS;
    const message = `${file}: cannot be read (${cause instanceof Error ? cause.message : cause}); check its permissions`;
    throw new InputError('configuration-not-readable', message, { context: { file }, cause });
  }
}

/** Throws InputError `configuration-malformed`; `file` is only named in its text. */
export function parseConfiguration(text: string, file: string): Configuration {
  const found = new Map<string, Partial<Configuration>>();
  for (const [index, raw] of text.split('\n').entries()) {
    const line = raw.replace(/(^|\s)#.*$/, '').trim();
    if (line === '') continue;
    const fail = (what: string): never => {
      const context = { file, line: index + 1 };
      throw new InputError('configuration-malformed', `${file}:${index + 1}: ${what}`, { context });
    };
    const [, name = '', value = ''] = /^([^=\s]+)\s*=\s*(.*)$/.exec(line) ?? [];
    if (name === '') fail(`${JSON.stringify(line)} is not "key = value"`);
    const key = KEYS.get(name);
    if (key === undefined) return fail(`there is no key "${name}"; known are ${[...KEYS.keys()].join(', ')}`);
    if (found.has(name)) fail(`"${name}" is set a second time; remove one of the two lines`);
    found.set(
      name,
      key.read(value) ?? fail(`"${value}" cannot be the value of ${name}; expected ${key.expected}`),
    );
  }
  return Object.assign({}, DEFAULTS, ...found.values());
}

function address(set: (value: string) => Partial<Configuration>): Key {
  return {
    expected: 'https://HOST or http://HOST:PORT',
    read: (value) => (isWebAddress(value) ? set(value) : undefined),
  };
}

function yesOrNo(set: (value: boolean) => Partial<Configuration>): Key {
  return {
    expected: 'yes or no',
    read: (value) => (value === 'yes' || value === 'no' ? set(value === 'yes') : undefined),
  };
}

function wholeNumber(limit: number, set: (value: number) => Partial<Configuration>): Key {
  return {
    expected: `a whole number from 1 to ${limit}`,
    read: (text) =>
      /^\d{1,6}$/.test(text) && Number(text) >= 1 && Number(text) <= limit ? set(Number(text)) : undefined,
  };
}

export function isWebAddress(text: string): boolean {
  return /^https?:\/\/[^/]/.test(text) && URL.canParse(text);
}
