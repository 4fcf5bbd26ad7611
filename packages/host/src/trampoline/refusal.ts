// What the core answers, as reasons.

import { getSystemErrorMap } from 'node:util';
import type { CoreBusy, CoreReply } from '@resplice/engine';
import type { Reason } from '@resplice/report';
import type { Manifest } from '@resplice/update';
import { findUpdateId, type TargetFunction } from '../applicable-update.js';
import { formatTask, parseStack } from '../kernel/task-list.js';
import { type Machine, readText } from '../machine/machine.js';
import { readKeptManifest } from './active-update.js';
import type { Preparation } from './preparation.js';

/** A function of the update with its address in the running kernel. */
export interface Located {
  readonly target: Pick<TargetFunction, 'object' | 'name'>;
  /** Undefined while its module is not loaded. */
  readonly address: bigint | undefined;
  readonly size: number;
}

/** `busy`, `failed (EINVAL)`: the code in words for a sentence. */
export function describeAnswer({ code, error }: CoreReply): string {
  const word = code === undefined ? 'an answer of a later version' : code.toLowerCase().replaceAll('_', ' ');
  return error === 0 ? word : `${word}, ${errorName(error)}`;
}

/** Why the core did not take the update. Answers that depend on time or on hooks are their callers' matter. */
export function explainRefusal(reply: CoreReply, { located, core }: Preparation): Reason {
  const site = reply.item === undefined ? undefined : located[reply.item]?.target;
  const subject = site === undefined ? {} : { object: site.object, symbol: site.name };
  switch (reply.code) {
    case 'PROBED':
      return { code: 'kprobe-on-function', subject, found: 'a kprobe was set on it since it was compared' };
    case 'OLD_BYTES':
      return { code: 'function-altered', subject, found: 'its code has changed since it was compared' };
    case 'OLD_DATA':
      return { code: 'data-altered', subject: {}, found: 'its bytes are not those of the shipped kernel' };
    case 'CONFLICT':
      return {
        code: 'function-held-by-update',
        subject,
        found: `the update ${nameUpdate(reply)} has changed the same bytes`,
        advice: `run \`resplice undo ${nameUpdate(reply)}\` first`,
      };
    case 'NO_MODULE': {
      const object =
        reply.item === undefined ? undefined : (core.objects[reply.item]?.name ?? core.uses[reply.item]);
      const found = 'it is just being loaded or unloaded, or new code uses it and it is not there';
      return { code: 'module-not-loaded', subject: object === undefined ? {} : { object }, found };
    }
    case 'WRONG_BUILD': {
      const object = reply.item === undefined ? undefined : core.objects[reply.item]?.name;
      const found = 'the kernel has loaded another build of it since it was compared';
      return { code: 'other-module-build', subject: object === undefined ? {} : { object }, found };
    }
    case 'NO_SYMBOL': {
      const symbol = reply.item === undefined ? undefined : core.symbols[reply.item];
      const object = symbol === undefined ? undefined : core.objects[symbol.object]?.name;
      const which = {
        ...(object === undefined ? {} : { object }),
        ...(symbol === undefined ? {} : { symbol: symbol.name }),
      };
      return {
        code: 'symbol-not-found',
        subject: which,
        found: 'it is not among the symbols of the module, or not once',
      };
    }
    default:
      return { code: 'core-refused', subject, found: `it answered: ${describeAnswer(reply)}` };
  }
}

/** What a hook said no with; `own` is the manifest of the update that was asked for. */
export function explainHook(machine: Machine, reply: CoreReply, own: Manifest | undefined): string {
  const { item, error } = reply;
  // Of an update that is to be replaced, the undo hooks are asked.
  const other = reply.name === '' || reply.name === own?.module.name ? undefined : nameUpdate(reply);
  const manifest = other === undefined ? own : readKeptManifest(machine, other);
  const hook = item === undefined ? undefined : manifest?.trampoline?.hooks[item];
  const name = hook === undefined ? 'of a kind that is asked' : `${hook.function} (${hook.object})`;
  const whose = other === undefined ? 'its hook' : `the update ${other} is to be replaced, and its hook`;
  return `${whose} ${name} answered ${errorName(error)}`;
}

/** Lines for people: the thread that is in the way, where, and its stack as far as it still is there. */
export function describeBusy(
  machine: Machine,
  busy: CoreBusy,
  places: readonly Located[],
): readonly string[] {
  const stack = readText(machine, `/proc/${busy.tgid}/task/${busy.pid}/stack`) ?? '';
  const task = { pid: busy.tgid, tid: busy.pid, command: busy.command };
  return [
    formatTask({ ...task, stack: [] }),
    `    ${describePlace(busy, places)}`,
    ...parseStack(stack).map((frame) => `    ${frame}`),
  ];
}

function describePlace({ address, frame, guessed, hidden }: CoreBusy, places: readonly Located[]): string {
  if (hidden) return 'its stack cannot be judged: a tracer keeps return addresses elsewhere';
  const [where = `0x${address.toString(16)}`] = places.flatMap(({ target, address: start, size }) =>
    start === undefined || address < start || address > start + BigInt(size)
      ? []
      : [`${target.name}+0x${(address - start).toString(16)}/0x${size.toString(16)}`],
  );
  return guessed
    ? `the word ${frame} of its stack may be a return to ${where}`
    : `frame ${frame} of its stack is in ${where}`;
}

/** The update of a name in a reply. */
export function nameUpdate({ name }: CoreReply): string {
  return findUpdateId(name) ?? name;
}

function errorName(error: number): string {
  return getSystemErrorMap().get(error)?.[0] ?? `error ${-error}`;
}
