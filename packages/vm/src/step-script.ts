// Each step is one small shell script in the guest, and the plan lists them. Arguments are quoted here, on the host, so that
// nothing in them can mean anything to a shell; setpriv from the host then starts the program: it sets the ids exactly, and
// finds the program by PATH (busybox's shell would prefer its own insmod to the real one).

import { UsageError } from '@resplice/report';
import type { GuestStep } from './guest.js';

const DEFAULT_STEP_TIMEOUT_SECONDS = 300;
const MAX_ID = 0xffff_fffe;

const BASE_ENVIRONMENT: ReadonlyMap<string, string> = new Map([
  ['PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
  ['LANG', 'C.UTF-8'],
]);

/** The script of the step that has this index in the plan. */
export function encodeStepScript(step: GuestStep, index: number): string {
  assertStep(step);
  const uid = step.uid ?? 0;
  const home: [string, string] = ['HOME', uid === 0 ? '/root' : '/tmp'];
  const environment = new Map([...BASE_ENVIRONMENT, home, ...Object.entries(step.env ?? {})]);
  const exports = [...environment].map(([name, value]) => `export ${name}=${quote(value)}`);
  const argv = step.argv.map(quote).join(' ');
  const command = `exec /vm/bin/setpriv --reuid ${uid} --regid ${uid} --clear-groups -- ${argv}`;
  // The session's id, so that guest-init.ts can end all of it.
  const announce = `echo $$ >/vm/run/${index}/pid`;
  return `${[announce, ...exports, command].join('\n')}\n`;
}

/** One line per step: `INDEX TIMEOUT foreground|background|until-end NAME`. */
export function encodePlan(steps: readonly GuestStep[]): string {
  return steps
    .map((step, index) => {
      const timeout = Math.ceil(step.timeoutSeconds ?? DEFAULT_STEP_TIMEOUT_SECONDS);
      const manner =
        step.background === 'until-end' ? 'until-end' : step.background ? 'background' : 'foreground';
      return `${index} ${timeout} ${manner} ${step.name.replace(/[^ -~]/g, '?').replaceAll('\\', '/')}\n`;
    })
    .join('');
}

/** Lines for /etc/passwd and /etc/group, so that the ids of the steps have names. */
export function encodeAccounts(steps: readonly GuestStep[]): {
  readonly passwd: string;
  readonly group: string;
} {
  const ids = [...new Set(steps.map((step) => step.uid ?? 0))].filter((id) => id !== 0 && id !== 65534);
  const accounts = [
    ['root', 0] as const,
    ...ids.map((id) => [`user${id}`, id] as const),
    ['nogroup', 65534] as const,
  ];
  return {
    passwd: accounts
      .map(
        ([name, id]) =>
          `${id === 65534 ? 'nobody' : name}:x:${id}:${id}::${id === 0 ? '/root' : '/tmp'}:/bin/sh\n`,
      )
      .join(''),
    group: accounts.map(([name, id]) => `${name}:x:${id}:\n`).join(''),
  };
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function assertStep(step: GuestStep): void {
  const fail = (what: string): never => {
    throw new UsageError('guest-step', `guest step "${step.name}": ${what}`, {
      context: { step: step.name },
    });
  };
  if (step.argv.length === 0 || step.argv[0] === '') fail('names no program; give at least one argument');
  for (const text of [...step.argv, ...Object.values(step.env ?? {})]) {
    if (text.includes('\0'))
      fail('an argument or variable contains a NUL character, which no program can receive');
  }
  for (const name of Object.keys(step.env ?? {})) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      fail(`"${name}" cannot be the name of an environment variable`);
  }
  const uid = step.uid ?? 0;
  if (!Number.isInteger(uid) || uid < 0 || uid > MAX_ID) fail(`${uid} is not a user id`);
  const timeout = step.timeoutSeconds ?? DEFAULT_STEP_TIMEOUT_SECONDS;
  if (!(timeout > 0 && timeout < 1e6)) fail(`${timeout} is not a time limit in seconds`);
}
