// May this update be applied to this machine now? All reasons against it are collected and reported together, except those
// that would only be echoes of another: code is not compared with a kernel or module of another build, nor without root.

import { accept, type Reason, refuse, type Verdict } from '@resplice/report';
import type { Manifest } from '@resplice/update';
import type { ApplicableUpdate } from '../applicable-update.js';
import type { Machine } from '../machine/machine.js';
import { checkCode } from './code-check.js';
import type { Disassembler } from './code-comparison.js';
import { checkEnvironment, isSameKernel } from './environment-check.js';
import { type ApplyFacts, isLoaded, listPresentTargets, readApplyFacts, readCodeFacts } from './facts.js';
import { checkHolders } from './holder-check.js';

export interface CheckedUpdate {
  readonly state: 'ready' | 'already-applied';
  /** Modules that are not loaded now; the kernel patches each when it loads. */
  readonly pending: readonly string[];
  /** What could not be checked, or is worth knowing; one sentence each. */
  readonly notes: readonly string[];
}

export interface CheckOptions {
  /** Used to show code that differs; without it bytes are shown. */
  readonly disassemble?: Disassembler | undefined;
}

/** Reads only. Throws InputError `manifest-contradicts-itself`. */
export function checkApply(
  machine: Machine,
  update: ApplicableUpdate,
  options: CheckOptions = {},
): Verdict<CheckedUpdate> {
  const { manifest } = update;
  const facts = readApplyFacts(machine, update);
  const targets = listPresentTargets(update, facts);
  const pending = manifest.objects.map(({ name }) => name).filter((name) => !isLoaded(facts.modules, name));
  const own = facts.livepatches.find(({ module }) => module === manifest.module.name);
  if (own?.enabled === true && !own.transition) {
    const reasons = checkIdentity(update, facts);
    return reasons.length > 0 ? refuse(reasons) : accept({ state: 'already-applied', pending, notes: [] });
  }

  const builds = checkModuleBuilds(update, facts);
  const rebuilt = new Set(builds.map(({ subject }) => subject.object));
  const holders = checkHolders(manifest, targets, facts);
  const familiar = targets.filter(({ object }) => !rebuilt.has(object));
  const comparable = machine.uid === 0 && isSameKernel(manifest, facts.environment);
  const code = comparable
    ? checkCode({
        targets: familiar,
        facts: readCodeFacts(machine, familiar),
        kprobes: facts.kprobes,
        disassemble: options.disassemble,
      })
    : [];
  const reasons = [
    ...checkEnvironment(manifest, facts.environment),
    ...checkLeftover(update, facts),
    ...builds,
    ...holders.reasons,
    ...code,
  ];
  if (reasons.length > 0) return refuse(reasons);
  return accept({ state: 'ready', pending, notes: [...holders.notes, ...noteUnloading(manifest)] });
}

function noteUnloading(manifest: Manifest): readonly string[] {
  const names = manifest.objects.filter((object) => !object.reloadable).map(({ name }) => name);
  return names.map(
    (name) => `if ${name} is unloaded, this kernel loads it again only after the update is undone`,
  );
}

/** An id stands for one content: the applied update must be this one. Without the kept archive that cannot be told. */
function checkIdentity({ manifest, archive }: ApplicableUpdate, facts: ApplyFacts): readonly Reason[] {
  if (facts.archive === undefined || Buffer.compare(facts.archive, archive) === 0) return [];
  const found = `an update with the id ${manifest.id} but other contents is applied`;
  return [{ code: 'update-id-taken', subject: {}, found }];
}

function checkLeftover({ manifest }: ApplicableUpdate, facts: ApplyFacts): readonly Reason[] {
  const { name } = manifest.module;
  const isPatch = facts.livepatches.some((each) => each.module === name && each.transition);
  if (isPatch || !facts.modules.some((each) => each.name === name)) return [];
  return [
    {
      code: 'module-left-behind',
      subject: { object: name },
      found: 'the module is loaded without an enabled live patch',
      advice: `run \`resplice undo ${manifest.id}\` to remove what is left, then apply again`,
    },
  ];
}

function checkModuleBuilds({ manifest }: ApplicableUpdate, facts: ApplyFacts): readonly Reason[] {
  return manifest.objects.flatMap(({ name, buildId }): readonly Reason[] => {
    if (buildId === null || !facts.moduleBuildIds.has(name)) return [];
    const found = facts.moduleBuildIds.get(name);
    if (found === buildId) return [];
    return [
      {
        code: 'other-module-build',
        subject: { object: name },
        found: `the loaded module has build id ${found ?? 'unknown'}; expected ${buildId}`,
      },
    ];
  });
}
