// The trampoline engine's part of applying. What holds between the steps:
//   linked     → the address of everything that the new code needs is known
//   loaded     → core and update are modules of the kernel; nothing is replaced
//   prepared   → the core has checked all and holds every module whose addresses matter, so that none can go
//   switched   → in one moment, all functions lead to the new code
// Killed in between, the next command finds out from the core what holds. Every refusal ends with the kernel as it was.

import {
  type CoreReply,
  type CoreSite,
  endbrLength,
  findSection,
  JUMP_LENGTH,
  parseObject,
} from '@resplice/engine';
import { accept, type Reason, refuse, silentProgress, type Verdict } from '@resplice/report';
import {
  type ApplicableUpdate,
  listTargets,
  moduleNameOf,
  type TargetFunction,
  targetKey,
} from '../applicable-update.js';
import type { Switched } from '../apply.js';
import type { CheckedUpdate } from '../check/apply-check.js';
import { type CodeFacts, readCodeFacts, readTextAddress } from '../check/facts.js';
import { symbolKey } from '../kernel/kallsyms.js';
import { applyCancelled } from '../livepatch/apply.js';
import { DEFAULT_TIMEOUT, type TransitionOptions, unloadUpdate } from '../livepatch/unloading.js';
import { loadModule } from '../loading.js';
import type { Machine } from '../machine/machine.js';
import { noteOverwritten, readOverwritten, removeUpdateState } from '../state/record.js';
import { askCore } from './core-device.js';
import { listCoreImports, loadCore, removeIdleCore } from './core-module.js';
import { forgetUpdate } from './forget.js';
import { describeBusy, explainHook, explainRefusal, type Located, nameUpdate } from './refusal.js';
import { ONCE, QUICK, switchOver } from './switching.js';
import { findAddresses, linkModule } from './symbol-address.js';

/** The update is recorded. `checked`: what the checks found, with the updates that end when this one begins. */
export async function applyByTrampoline(
  machine: Machine,
  update: ApplicableUpdate,
  checked: CheckedUpdate,
  options: TransitionOptions,
): Promise<Verdict<Switched>> {
  const start = machine.milliseconds();
  const { manifest } = update;
  const { replaced } = checked;
  const loaded = await load(machine, update, checked);
  if (!loaded.ok) return refuse(await takeBack(machine, manifest.id, loaded.reasons));
  const loadEnd = machine.milliseconds();
  const names = replaced.map(moduleNameOf);
  const request = { module: manifest.module.name, replaces: names };
  const { reply, end } = await switchOver(
    machine,
    {
      id: manifest.id,
      switch: { type: 'APPLY', ...request, ...QUICK },
      check: { type: 'CHECK', ...request, ...ONCE },
    },
    {
      timeoutSeconds: options.timeoutSeconds ?? DEFAULT_TIMEOUT,
      progress: options.progress ?? silentProgress,
      signal: options.signal,
    },
  );
  if (reply.code !== 'OK') {
    const reason = explain(machine, update, { reply, end, located: loaded.value }, options);
    return refuse(await takeBack(machine, manifest.id, [reason]));
  }
  const transition = machine.milliseconds() - loadEnd;
  // The newest first: it may hold the module of one that it was built on.
  for (const id of replaced.toReversed()) await dropReplaced(machine, id);
  return accept({ load: loadEnd - start, transition, pause: reply.pauseNanoseconds / 1e6 });
}

/** Its functions lead elsewhere since the switch; what is left is its module. */
async function dropReplaced(machine: Machine, id: string): Promise<void> {
  await forgetUpdate(machine, moduleNameOf(id));
  await unloadUpdate(machine, id);
}

/** Nothing is replaced: removes whatever was loaded, and the record. */
async function takeBack(
  machine: Machine,
  id: string,
  reasons: readonly Reason[],
): Promise<readonly Reason[]> {
  await forgetUpdate(machine, moduleNameOf(id));
  await unloadUpdate(machine, id);
  removeUpdateState(machine, id);
  await removeIdleCore(machine);
  return reasons;
}

/** Ends with the update prepared. */
async function load(
  machine: Machine,
  update: ApplicableUpdate,
  { replaced, code }: CheckedUpdate,
): Promise<Verdict<readonly Located[]>> {
  const { manifest, module } = update;
  const { name } = manifest.module;
  const imports = manifest.trampoline?.imports ?? [];
  const slide = code !== undefined && 'slide' in code.memory ? code.memory.slide : undefined;
  const found = findAddresses(machine, [...imports, ...listCoreImports(machine, update)], slide);
  if (found === undefined)
    return refuse([{ code: 'kallsyms-hidden', subject: {}, found: '/proc/kallsyms cannot be read' }]);
  const linked = linkModule(module, imports, found, name);
  if (!linked.ok) return refuse(linked.reasons);
  const problems = await loadCore(machine, update, found);
  if (problems.length > 0) return refuse(problems);
  const failure = await loadModule(machine, name, linked.module);
  if (failure !== undefined) return refuse([failure]);
  const text = readTextAddress(machine, name);
  if (text === undefined) return refuse([hidden(name)]);
  const located = locate(update, code);
  const before = readOverwritten(machine, replaced);
  const newCode = findSection(parseObject(module, name), '.text')?.data ?? new Uint8Array();
  const sites = located.map((each) =>
    siteOf(each, { text, newCode, overwritten: before.get(targetKey(each.target)) }),
  );
  noteOverwritten(
    machine,
    manifest.id,
    located.map(({ target }, index) => [targetKey(target), sites[index]?.oldBytes]),
  );
  const uses = listModules(update, imports);
  const hooks = (manifest.trampoline?.hooks ?? []).map(({ kind, at }) => ({
    kind,
    address: text + BigInt(at),
  }));
  const reply = await askCore(machine, { type: 'PREPARE', module: name, sites, hooks, uses });
  if (reply.code !== 'OK') return refuse([explainRefusal(reply, located)]);
  // Now that they cannot go any more: a module may have been loaded anew since it was looked at.
  if (uses.length === 0) return accept(located);
  const again = locate(update, readCodeFacts(machine, listTargets(manifest)));
  const now = findAddresses(machine, imports, slide);
  const moved = again.find(({ address }, index) => address !== located[index]?.address);
  const isSame = imports.every((each) => now?.get(symbolKey(each)) === found.get(symbolKey(each)));
  if (moved === undefined && isSame) return accept(located);
  const subject = moved === undefined ? {} : { object: moved.target.object, symbol: moved.target.name };
  return refuse([
    {
      code: 'function-moved',
      subject,
      found: 'its module was loaded again while the update was being loaded',
      advice: 'apply again',
    },
  ]);
}

interface LocatedFunction extends Located {
  readonly target: TargetFunction;
  readonly jump: { readonly at: number; readonly to: number };
  readonly newSize: number;
  /** As it is in memory. */
  readonly code: Uint8Array;
}

/** None when the checks had no reason to look, for then they had refused. */
function locate({ manifest }: ApplicableUpdate, facts: CodeFacts | undefined): readonly LocatedFunction[] {
  if (facts === undefined || !('addresses' in facts.symbols)) return [];
  const { addresses } = facts.symbols;
  const functions = manifest.objects.flatMap((object) => object.functions);
  return listTargets(manifest).flatMap((target, index) => {
    const replaced = functions[index];
    const address = addresses.get(targetKey(target));
    const code = facts.code.get(targetKey(target));
    if (replaced?.jump == null || address === undefined || code === undefined) return [];
    const { jump, newSize } = replaced;
    return [{ target, address, size: target.code.length, jump, newSize, code }];
  });
}

/** The jump leads behind the ENDBR of the new function, which only indirect calls need. */
function siteOf(
  { address, size, jump, newSize, code }: LocatedFunction,
  { text, newCode, overwritten }: { text: bigint; newCode: Uint8Array; overwritten: Uint8Array | undefined },
): CoreSite {
  const newStart = text + BigInt(jump.to);
  return {
    oldStart: address,
    oldSize: size,
    jumpOffset: jump.at,
    oldBytes: overwritten ?? code.slice(jump.at, jump.at + JUMP_LENGTH),
    target: newStart + BigInt(endbrLength(newCode.subarray(jump.to))),
    newStart,
    newSize,
  };
}

/** Modules other than the update's whose addresses are in its code or in its jumps. */
function listModules(
  { manifest }: ApplicableUpdate,
  imports: readonly { readonly object: string }[],
): readonly string[] {
  const names = [
    ...imports.map(({ object }) => object),
    ...listTargets(manifest).map(({ object }) => object),
  ];
  return [...new Set(names)].filter((name) => name !== 'vmlinux').sort();
}

function hidden(name: string): Reason {
  return {
    code: 'kallsyms-hidden',
    subject: { object: name },
    found: `the kernel does not tell where the module lies (/sys/module/${name}/sections)`,
  };
}

interface Answer {
  readonly reply: CoreReply;
  readonly end: 'answered' | 'timeout' | 'cancelled';
  readonly located: readonly Located[];
}

function explain(
  machine: Machine,
  { manifest }: ApplicableUpdate,
  { reply, end, located }: Answer,
  options: TransitionOptions,
): Reason {
  const subject = { object: manifest.id };
  if (end === 'cancelled') return applyCancelled(manifest.id);
  if (end === 'timeout') {
    const seconds = options.timeoutSeconds ?? DEFAULT_TIMEOUT;
    const found = `a task still ran the old code after ${seconds} s`;
    return { code: 'tasks-busy', subject, found, evidence: describeBusy(machine, reply.busy, located) };
  }
  if (reply.code === 'HOOK_REFUSED') {
    return { code: 'hook-refused', subject, found: explainHook(machine, reply, manifest) };
  }
  if (reply.code === 'NEEDED')
    return {
      code: 'needed-by-update',
      subject,
      found: `the update ${nameUpdate(reply)} stands on one that is to be replaced`,
    };
  return explainRefusal(reply, located);
}
