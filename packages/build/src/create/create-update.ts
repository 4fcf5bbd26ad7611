// The main job, from a patch to an update. One stage after the other; what holds behind each:
//   kernel     image, source, headers of exactly this kernel are in the cache
//   tree       any object of it can be compiled as it was when it was shipped
//   patches    every file of the patch is known before and after, or the patch does not apply
//   objects    the list of objects whose text the patch changes is complete
//   compiled   each of them exists before and after
//   compared   the objects before are the shipped code, and what changes is known; all reasons against it are collected
//   types      no type changes in a way that objects which exist cannot bear
//   module     the new code is one loadable module, every symbol of which has its place in the running kernel
//   described  the manifest says all that the applying side has to check
// From `compared` on, the engine decides what is possible; where it may be chosen and the first one cannot do it, these stages run again.
// A refusal is a verdict and comes with all reasons of its stage; nothing is written.

import { readFile } from 'node:fs/promises';
import { accept, refuse, type Verdict } from '@resplice/report';
import type { Update } from '@resplice/update';
import type { WorkOptions } from '../debian/store.js';
import { ToolClock } from '../debian/tool-clock.js';
import type { PatchFile } from '../patch/patch-model.js';
import { parseKernelConfig } from '../tree/kernel-config.js';
import type { ComparedObject } from './compare.js';
import { comparePatched } from './compare-patched.js';
import { judgeData, listData, runningName } from './describe.js';
import { defaultDescription, describeUpdate } from './describe-update.js';
import {
  chooseAgain,
  chooseEngine,
  type EngineChoice,
  type EngineRequest,
  mayChange,
} from './engine-choice.js';
import { NO_JUMPS, planJumps } from './jump.js';
import type { KernelModel } from './kernel-model.js';
import { buildCore, buildModule } from './module-file.js';
import { openWorkshop, type Workshop } from './workshop.js';

export interface CreateRequest {
  /** Release, package version or undefined for the running kernel. */
  readonly kernel: string | undefined;
  readonly patches: readonly PatchFile[];
  readonly cves: readonly string[];
  readonly description: string | undefined;
  readonly id?: string;
  /** Updates that will be active below this one, lowest first. */
  readonly on: readonly Update[];
  /** A compiler to use though the kernel names another. */
  readonly compiler?: string;
  /** auto when absent. */
  readonly engine?: EngineRequest;
  /** Refuse what applies only while a module is not loaded. */
  readonly unconditional?: boolean;
}

export interface CreateStatistics {
  readonly objects: number;
  readonly milliseconds: number;
  /** Part of `milliseconds` in which gcc, make, objtool or a package tool ran. */
  readonly toolMilliseconds: number;
  /** Of this process, tools not counted. */
  readonly peakMemoryBytes: number;
}

export interface CreatedUpdate {
  readonly update: Update;
  readonly statistics: CreateStatistics;
}

/**
 * Turns patches into an update of one kernel.
 * @param options.workshop the kernel that `request` names, when it is ready already
 */
export async function createUpdate(
  request: CreateRequest,
  options: WorkOptions & { readonly workshop?: Workshop } = {},
): Promise<Verdict<CreatedUpdate>> {
  const start = performance.now();
  const clock = new ToolClock();
  const made = await clock.measure(() => makeByEngine(request, options));
  if (!made.ok) return made;
  const statistics = {
    objects: made.value.objects,
    milliseconds: performance.now() - start,
    toolMilliseconds: clock.milliseconds,
    peakMemoryBytes: process.resourceUsage().maxRSS * 1024,
  };
  return accept({ update: made.value.update, statistics });
}

interface MadeUpdate {
  readonly update: Update;
  readonly objects: number;
}

async function makeByEngine(
  request: CreateRequest,
  { workshop: given, ...options }: WorkOptions & { readonly workshop?: Workshop },
): Promise<Verdict<MadeUpdate>> {
  const workshop = given ?? (await openWorkshop(request, options));
  const config = parseKernelConfig(await readFile(workshop.kernel.config, 'utf8'));
  const wanted = request.engine ?? 'auto';
  const lower = request.on.map(({ manifest }) => manifest);
  const hasLivepatch = config.get('CONFIG_LIVEPATCH') === 'y';
  if (wanted === 'livepatch' && !hasLivepatch) {
    const found = `${workshop.kernel.identity.release} is configured without CONFIG_LIVEPATCH`;
    return refuse([{ code: 'livepatch-missing', subject: {}, found }]);
  }
  const first = chooseEngine(wanted, hasLivepatch, lower);
  const context = { request, workshop, options };
  const made = await makeUpdate(context, first, mayChange(wanted, first));
  if (made.ok) return made;
  const again = chooseAgain(wanted, first, made.reasons);
  const other = again === undefined ? undefined : await makeUpdate(context, again, false);
  if (other?.ok === true) return other;
  // Something else stands against the other engine; perhaps a module that is not loaded helps.
  if (made.reasons.some(({ code }) => code === 'constant-needs-trampoline'))
    return makeUpdate(context, first, false);
  return other ?? made;
}

interface Context {
  readonly request: CreateRequest;
  readonly workshop: Workshop;
  readonly options: WorkOptions;
}

/** Everything that depends on the engine. */
async function makeUpdate(
  { request, workshop, options }: Context,
  choice: EngineChoice,
  mayChangeEngine: boolean,
): Promise<Verdict<MadeUpdate>> {
  const { engine } = choice;
  const { kernel, tree } = workshop;
  const comparison = await comparePatched(workshop, { ...request, engine, mayChangeEngine }, options);
  if (!comparison.ok) return comparison;
  const { model, patches, compared, objects, notBuilt, findings, unloaded } = comparison.value;
  if (compared.length === 0) {
    const found =
      objects.length === 0 ? 'no object includes a changed line' : `compared: ${listSome(objects)}`;
    return refuse([{ code: 'patch-changes-no-code', subject: {}, found }]);
  }
  const description = request.description ?? defaultDescription(request);
  const { signal } = options;
  const functions = listFunctions(model, compared);
  const about = { tree, model, engine, compared, description, id: request.id, signal };
  const fresh = unloaded.map(({ module }) => module);
  const isTrampoline = engine === 'trampoline';
  const inPlace = isTrampoline ? listData(model, compared) : [];
  const module = await buildModule({ ...about, functions, fresh, data: encodeData(inPlace) });
  const core = isTrampoline ? await buildCore({ tree, model, signal }) : undefined;
  const plan = isTrampoline ? planJumps(model, compared, request.on, module.offsets) : NO_JUMPS;
  const data = isTrampoline ? judgeData(model, compared) : [];
  const reasons = [...module.reasons, ...(core?.reasons ?? []), ...plan.reasons, ...data];
  if (reasons.length > 0) return refuse(reasons);
  const { jumps } = plan;
  const update = describeUpdate({
    ...{
      request: { ...request, patches },
      kernel,
      tree,
      model,
      compared,
      module,
      core,
      jumps,
      notBuilt,
      description,
      choice,
      findings,
      unloaded,
    },
  });
  return accept({ update, objects: objects.length });
}

/** Nothing when there is none, so that the name of an update of code alone is that of its code. */
function encodeData(data: ReturnType<typeof listData>): Uint8Array {
  return Buffer.from(data.length === 0 ? '' : JSON.stringify(data));
}

/** A header may have hundreds compared. */
const SHOWN = 12;

function listSome(names: readonly string[]): string {
  const rest = names.length - SHOWN;
  return rest > 0 ? `${names.slice(0, SHOWN).join(', ')} and ${rest} more` : names.join(', ');
}

function listFunctions(model: KernelModel, compared: readonly ComparedObject[]) {
  return compared.flatMap(({ owner, diff, match }) =>
    diff.replaced.flatMap(({ before, after }) => {
      const running = model.object(owner);
      const address = match.functions.get(before)?.address;
      const name = address === undefined ? undefined : runningName(running, before.symbols, address);
      if (address === undefined || name === undefined) return [];
      return [{ object: owner, name, position: running.position(name, address) ?? 0, replacement: after }];
    }),
  );
}
