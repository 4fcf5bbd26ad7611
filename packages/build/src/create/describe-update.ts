// An update as a whole: what it carries, and the manifest that describes it.

import { type Definition, orderHooks } from '@resplice/engine';
import { InternalError, VERSION } from '@resplice/report';
import {
  FORMAT_VERSION,
  hashContent,
  type Manifest,
  patchPath,
  type UnloadedModule,
  type Update,
} from '@resplice/update';
import type { FetchedKernel } from '../debian/fetch-kernel.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import type { ComparedObject } from './compare.js';
import type { CreateRequest } from './create-update.js';
import { describeObjects, sha256 } from './describe.js';
import { describeCustom } from './describe-custom.js';
import type { EngineChoice } from './engine-choice.js';
import type { Jump } from './jump.js';
import type { KernelModel } from './kernel-model.js';
import { listHooks, type ModuleFile } from './module-file.js';
import { recordFinding, type TypeFinding } from './type-finding.js';

/** What the update is for, when the caller does not say. */
export function defaultDescription({ patches, cves }: CreateRequest): string {
  const [first] = patches;
  if (first !== undefined && first.subject !== '') return first.subject;
  return cves.length > 0 ? `fixes ${cves.join(', ')}` : (first?.name ?? '');
}

interface Description {
  readonly request: CreateRequest;
  readonly kernel: FetchedKernel;
  readonly tree: PreparedTree;
  readonly model: KernelModel;
  readonly compared: readonly ComparedObject[];
  readonly module: ModuleFile;
  /** The trampoline engine's. */
  readonly core: ModuleFile | undefined;
  readonly jumps: ReadonlyMap<Definition, Jump>;
  readonly choice: EngineChoice;
  readonly notBuilt: readonly string[];
  readonly description: string;
  /** Types that the patch changes. */
  readonly findings: readonly TypeFinding[];
  readonly unloaded: readonly UnloadedModule[];
}

/** Puts the update together: files, and the manifest that says what they are. */
export function describeUpdate({
  request,
  kernel,
  tree,
  model,
  compared,
  module,
  core,
  jumps,
  choice,
  notBuilt,
  description,
  findings,
  unloaded,
}: Description): Update {
  const moduleFile = `module/${module.name}.ko`;
  const files = new Map<string, Uint8Array>([[moduleFile, module.bytes]]);
  const patches = request.patches.map((patch, index) => {
    const file = patchPath(index + 1, patch.name);
    files.set(file, patch.bytes);
    return { file, sha256: hashContent(patch.bytes), subject: patch.subject };
  });
  const cves = [...new Set([...request.cves, ...request.patches.flatMap((patch) => patch.cves)])].sort();
  const manifest: Manifest = {
    format: FORMAT_VERSION,
    id: module.id,
    description,
    cves,
    kernel: {
      release: kernel.identity.release,
      version: kernel.identity.version,
      architecture: 'x86_64',
      buildId: model.image.buildId,
    },
    engine: choice.engine,
    engineReason: choice.why,
    requires: request.on.map((update) => update.manifest.id),
    ...(unloaded.length === 0 ? {} : { requiresUnloaded: [...unloaded] }),
    patches,
    module: { file: moduleFile, name: module.name, sha256: sha256(module.bytes), signed: false },
    objects: describeObjects(model, compared, { jumps, unloaded, pointers: module.pointers }),
    custom: describeCustom(compared),
    trampoline: core === undefined ? null : describeTrampoline(model, compared, { module, core, files }),
    ...(findings.length === 0 ? {} : { types: findings.flatMap((finding) => recordFinding(finding) ?? []) }),
    notBuilt: [...notBuilt],
    tools: {
      resplice: VERSION,
      compiler: tree.compiler.versionText,
      compilerOverride: tree.compiler.replaces,
    },
  };
  return { manifest, files };
}

/** Puts the core into the files. */
function describeTrampoline(
  model: KernelModel,
  compared: readonly ComparedObject[],
  { module, core, files }: { module: ModuleFile; core: ModuleFile; files: Map<string, Uint8Array> },
): Manifest['trampoline'] {
  const file = `module/${core.name}.ko`;
  files.set(file, core.bytes);
  const hooks = orderHooks(listHooks(compared)).map(({ kind, name, object, definition }) => {
    const at = module.offsets.get(definition);
    if (at === undefined)
      throw new InternalError('hook-not-in-update', `${name} is not in the update's code`);
    return { kind, function: name, object, at };
  });
  return {
    imports: module.imports.map((each) => {
      const buildId = model.loadedModule(each.object)?.buildId;
      return buildId === undefined ? each : { ...each, buildId };
    }),
    hooks,
    core: { file, name: core.name, sha256: sha256(core.bytes), imports: [...core.imports] },
  };
}
