// May this update be applied to this machine now? All reasons against it are collected and reported together, except those
// that would only be echoes of another: code is not compared with a kernel or module of another build, nor without root.

import { JUMP_LENGTH } from '@resplice/engine';
import { accept, type Reason, refuse, type Verdict } from '@resplice/report';
import type { Manifest } from '@resplice/update';
import type { ApplicableUpdate, TargetFunction } from '../applicable-update.js';
import type { LoadedModule } from '../kernel/module-list.js';
import type { Machine } from '../machine/machine.js';
import { checkCode } from './code-check.js';
import type { Disassembler } from './code-comparison.js';
import { checkEnvironment, isSameKernel } from './environment-check.js';
import {
  type ApplyFacts,
  type CodeFacts,
  isLoaded,
  listPresentTargets,
  readApplyFacts,
  readCodeFacts,
} from './facts.js';
import { checkHolders, findJumper } from './holder-check.js';
import { checkModuleBuilds } from './module-build-check.js';
import { checkSignature } from './signature-check.js';

export interface CheckedUpdate {
  readonly state: 'ready' | 'already-applied';
  /** Modules that are not loaded now; each is patched when it loads, before it runs. */
  readonly pending: readonly string[];
  /** Updates that end in the moment in which this one begins. */
  readonly replaced: readonly string[];
  /** Where the functions are and what is there; undefined when nothing is left to do. */
  readonly code: CodeFacts | undefined;
  /** What could not be checked, or is worth knowing; one sentence each. */
  readonly notes: readonly string[];
}

export interface CheckOptions {
  /** Used to show code that differs; without it bytes are shown. */
  readonly disassemble?: Disassembler | undefined;
  /** Take back all other updates of the trampoline engine in the same moment. */
  readonly replace?: boolean | undefined;
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
  const jumping = facts.trampolines.some(({ id, state }) => id === manifest.id && state === 'applied');
  if (jumping || (own?.enabled === true && !own.transition)) {
    const reasons = checkIdentity(update, facts);
    return reasons.length > 0
      ? refuse(reasons)
      : accept({ state: 'already-applied', pending, replaced: [], code: undefined, notes: [] });
  }

  const { reasons: builds, notes: unseen } = checkModuleBuilds(manifest, facts);
  const rebuilt = new Set(builds.map(({ subject }) => subject.object));
  const replaced = new Set(listReplaceable(manifest, facts, options.replace === true));
  const holders = checkHolders(manifest, targets, facts, replaced);
  const familiar = targets
    .filter(({ object }) => !rebuilt.has(object))
    .flatMap((target) => withJumpOf(target, facts, replaced));
  const comparable = machine.uid === 0 && isSameKernel(manifest, facts.environment);
  const codeFacts = comparable
    ? readCodeFacts(machine, familiar, manifest.engine === 'trampoline')
    : undefined;
  const code =
    codeFacts === undefined
      ? []
      : checkCode({
          targets: familiar,
          facts: codeFacts,
          kprobes: facts.kprobes,
          disassemble: options.disassemble,
        });
  const reasons = [
    ...checkEnvironment(manifest, facts.environment),
    ...checkSignature(update, facts.environment, facts.trustedKeys),
    ...checkLeftover(update, facts),
    ...checkUnloaded(manifest, facts.modules),
    ...builds,
    ...holders.reasons,
    ...code,
  ];
  if (reasons.length > 0) return refuse(reasons);
  return accept({
    state: 'ready',
    pending,
    replaced: [...replaced],
    code: codeFacts,
    notes: [...holders.notes, ...unseen, ...noteUnloading(manifest)],
  });
}

/** All that is applied when it is asked for; of a cumulative update, the ones before it and those that it contains. */
function listReplaceable(
  { cumulative }: Manifest,
  { trampolines }: ApplyFacts,
  all: boolean,
): readonly string[] {
  const isReplaced = ({ id, manifest }: ApplyFacts['trampolines'][number]): boolean =>
    all ||
    (cumulative !== undefined && (manifest?.cumulative !== undefined || cumulative.contains.includes(id)));
  return trampolines.filter((each) => each.state === 'applied' && isReplaced(each)).map(({ id }) => id);
}

/** A function with a jump is refused already; with one that is going to be replaced, the rest of it is compared. */
function withJumpOf(
  target: TargetFunction,
  { trampolines }: ApplyFacts,
  replaced: ReadonlySet<string>,
): readonly TargetFunction[] {
  const jumper = findJumper(target, trampolines);
  if (jumper === undefined) return [target];
  if (!replaced.has(jumper.id)) return [];
  const jump = { at: jumper.at, length: JUMP_LENGTH, kind: 'relocation' } as const;
  return [{ ...target, sites: [...target.sites, jump] }];
}

/** Pure: modules of which nothing may exist yet. */
export function checkUnloaded(manifest: Manifest, modules: readonly LoadedModule[]): readonly Reason[] {
  return (manifest.requiresUnloaded ?? []).flatMap(({ module, because }): readonly Reason[] => {
    if (!isLoaded(modules, module)) return [];
    return [
      {
        code: 'module-loaded',
        subject: { object: module },
        found: `what exists while it is loaded cannot be brought up to date: ${because.join('; ')}`,
        advice: `unload it (\`modprobe -r ${module}\`), apply, and load it again; if it cannot be unloaded, restart and apply before it is loaded`,
      },
    ];
  });
}

function noteUnloading(manifest: Manifest): readonly string[] {
  if (manifest.engine === 'trampoline') return [];
  const names = manifest.objects.filter((object) => !object.reloadable).map(({ name }) => name);
  return [
    ...(manifest.requiresUnloaded ?? []).map(
      ({ module }) => `once ${module} is loaded, the update cannot be undone before it is unloaded`,
    ),
    ...names.map(
      (name) => `if ${name} is unloaded, this kernel loads it again only after the update is undone`,
    ),
  ];
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
      found: 'the module is loaded and replaces nothing',
      advice: `run \`resplice undo ${manifest.id}\` to remove what is left, then apply again`,
    },
  ];
}
