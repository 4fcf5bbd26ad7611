// The trampoline engine's part of applying. What holds between the steps:
//   linked     → the address of everything that the new code needs is known
//   loaded     → core and update are modules of the kernel; nothing is replaced
//   prepared   → the core has checked all that does not depend on which modules are there, and holds the update
//   switched   → in one moment, all functions lead to the new code; those of modules that come later do so before anything of them runs
// Killed in between, the next command finds out from the core what holds. Every refusal ends with the kernel as it was.

import { type CoreReply, type Fixup, findSection, parseObject, takeFixups } from '@resplice/engine';
import { accept, type Reason, refuse, silentProgress, type Verdict } from '@resplice/report';
import { type ApplicableUpdate, moduleNameOf } from '../applicable-update.js';
import type { Switched } from '../apply.js';
import type { CheckedUpdate } from '../check/apply-check.js';
import { readSectionAddress } from '../check/facts.js';
import { applyCancelled } from '../livepatch/apply.js';
import { DEFAULT_TIMEOUT, type TransitionOptions, unloadUpdate } from '../livepatch/unloading.js';
import { loadModule } from '../loading.js';
import type { Machine } from '../machine/machine.js';
import { removeUpdateState } from '../state/record.js';
import { askCore } from './core-device.js';
import { listCoreImports, loadCore, removeIdleCore } from './core-module.js';
import { forgetUpdate } from './forget.js';
import { listWaitingImports, type Preparation, prepareUpdate } from './preparation.js';
import { describeBusy, explainHook, explainRefusal, nameUpdate } from './refusal.js';
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
    const reason = explain(machine, update, { reply, end, preparation: loaded.value }, options);
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
  { code }: CheckedUpdate,
): Promise<Verdict<Preparation>> {
  const { manifest } = update;
  const { name } = manifest.module;
  const imports = (manifest.trampoline?.imports ?? []).filter(({ applyWith }) => applyWith === 'vmlinux');
  const waiting = new Set(listWaitingImports(manifest).map(({ symbol }) => symbol));
  const slide = code !== undefined && 'slide' in code.memory ? code.memory.slide : undefined;
  const found = findAddresses(machine, [...imports, ...listCoreImports(machine, update)], slide);
  if (found === undefined)
    return refuse([{ code: 'kallsyms-hidden', subject: {}, found: '/proc/kallsyms cannot be read' }]);
  const { module, fixups } = takeFixups(update.module, waiting, name);
  const linked = linkModule(module, imports, found, name);
  if (!linked.ok) return refuse(linked.reasons);
  const problems = await loadCore(machine, update, found);
  if (problems.length > 0) return refuse(problems);
  const failure = await loadModule(machine, name, linked.module);
  if (failure !== undefined) return refuse([failure]);
  const sections = readSections(machine, name, fixups);
  if (sections === undefined) return refuse([hidden(name)]);
  const preparation = prepareUpdate(manifest, {
    addresses: code !== undefined && 'addresses' in code.symbols ? code.symbols.addresses : new Map(),
    slide: slide ?? 0n,
    sectionAddress: (section) => sections.get(section) ?? 0n,
    newCode: findSection(parseObject(module, name), '.text')?.data ?? new Uint8Array(),
    fixups,
  });
  const reply = await askCore(machine, { type: 'PREPARE', module: name, ...preparation.core });
  return reply.code === 'OK' ? accept(preparation) : refuse([explainRefusal(reply, preparation)]);
}

/** Where the sections lie that matter; undefined when the kernel does not tell. */
function readSections(
  machine: Machine,
  module: string,
  fixups: readonly Fixup[],
): ReadonlyMap<string, bigint> | undefined {
  const sections = new Map<string, bigint>();
  for (const name of new Set(['.text', ...fixups.map(({ section }) => section)])) {
    const address = readSectionAddress(machine, module, name);
    if (address === undefined) return undefined;
    sections.set(name, address);
  }
  return sections;
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
  readonly preparation: Preparation;
}

function explain(
  machine: Machine,
  { manifest }: ApplicableUpdate,
  { reply, end, preparation }: Answer,
  options: TransitionOptions,
): Reason {
  const subject = { object: manifest.id };
  if (end === 'cancelled') return applyCancelled(manifest.id);
  if (end === 'timeout') {
    const seconds = options.timeoutSeconds ?? DEFAULT_TIMEOUT;
    const found = `a task still ran the old code after ${seconds} s`;
    return {
      code: 'tasks-busy',
      subject,
      found,
      evidence: describeBusy(machine, reply.busy, preparation.located),
    };
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
  return explainRefusal(reply, preparation);
}
