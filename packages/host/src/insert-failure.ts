// Why the kernel refused to load the module, in words. kmod prints the errno's text, the details stand only in the kernel log.

import { getSystemErrorMap } from 'node:util';
import type { Reason } from '@resplice/report';
import type { CommandResult } from './machine/machine.js';

/** Part of the text kmod prints, and what it means for our modules. Order matters: the first that fits is taken. */
const CAUSES: readonly { readonly text: RegExp; readonly code: Reason['code']; readonly found: string }[] = [
  {
    text: /required key not available|key was rejected|key has (?:expired|been revoked)|package not installed|bad message/i,
    code: 'module-signature-rejected',
    found: 'the kernel rejected the signature of the module',
  },
  {
    text: /invalid module format|exec format error|wrong symbol version|unknown symbol/i,
    code: 'module-format-rejected',
    found: 'the module does not fit this kernel',
  },
  {
    text: /operation not permitted|permission denied/i,
    code: 'module-must-be-signed',
    found: 'the kernel did not permit loading the module (lockdown or a security policy)',
  },
];

/** Written by kmod/hooks.c. */
const HOOK_REFUSAL = /^resplice: the hook (\S+) of (\S+) refused: -(\d+)$/;

/** What the newest refusal of a hook in these lines of the kernel log says; undefined when there is none. */
export function findHookRefusal(lines: readonly string[]): string | undefined {
  const line = lines.findLast((each) => HOOK_REFUSAL.test(each));
  return line === undefined ? undefined : describeRefusal(line);
}

/** Written by kmod/fresh.c. */
const LOADED =
  /^resplice: (\S+) (?:is loaded, and has to be unloaded before|has to be unloaded before the update is undone)$/;

/** The module that the update found loaded when it must not be; undefined when there is none in these lines. */
export function findLoadedModule(lines: readonly string[]): string | undefined {
  const line = lines.findLast((each) => LOADED.test(each));
  return line === undefined ? undefined : LOADED.exec(line)?.[1];
}

function describeRefusal(line: string): string {
  const [, hook, object, errno = ''] = HOOK_REFUSAL.exec(line) ?? [];
  const name = getSystemErrorMap().get(-Number(errno))?.[0] ?? `error ${errno}`;
  return `its hook ${hook} (${object}) answered ${name}`;
}

/** Lines of the kernel log, newest kept, that are shown at most. */
const SHOWN_LINES = 20;

/** `log`: the whole kernel log; `marker`: the line we wrote into it before loading. */
export function explainInsertFailure(
  module: string,
  result: CommandResult,
  log: readonly string[],
  marker: string,
): Reason {
  const lines = selectLines(module, log, marker);
  const printed = result.output.trim().split('\n').filter(Boolean);
  const evidence = [...printed, ...lines.map((line) => `kernel: ${line}`)];
  const refusal = findHookRefusal(lines);
  if (refusal !== undefined)
    return { code: 'hook-refused', subject: { object: module }, found: refusal, evidence };
  const loaded = findLoadedModule(lines);
  if (loaded !== undefined)
    return {
      code: 'module-loaded',
      subject: { object: loaded },
      found: 'it was loaded in the same moment',
      evidence,
    };
  const cause = CAUSES.find(({ text }) => text.test(result.output));
  const subject = { object: module };
  if (cause !== undefined) return { code: cause.code, subject, found: cause.found, evidence };
  const complaint = lines.find((line) => line.startsWith('livepatch: ') && !line.includes('enabling patch'));
  if (complaint !== undefined) {
    return { code: 'livepatch-rejected', subject, found: complaint.replace(/^livepatch: /, ''), evidence };
  }
  return {
    code: 'module-rejected',
    subject,
    found: printed.at(-1) ?? `insmod failed with status ${result.status}`,
    evidence,
  };
}

/** What the kernel said since the marker; without it (the log may have wrapped), what names the module or livepatch. */
function selectLines(module: string, log: readonly string[], marker: string): readonly string[] {
  const at = log.lastIndexOf(marker);
  const lines =
    at < 0 ? log.filter((line) => line.includes(module) || line.includes('livepatch')) : log.slice(at + 1);
  return lines.slice(-SHOWN_LINES);
}
