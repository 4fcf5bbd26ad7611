// From compared objects to the module: assemble, let objtool complete it, bind what it imports, write it. The trampoline engine's core goes the
// same way, with nothing compared in it.

import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AbsoluteImport,
  type AssemblyInput,
  assembleUpdate,
  bindImports,
  type Definition,
  type Engine,
  finalizeModule,
  type Import,
  type LedPointer,
  type LivepatchFunction,
  type ModuleBuild,
  type ModuleIdentity,
  type ObjectHook,
  ownPart,
  partOfDiff,
} from '@resplice/engine';
import { InputError, type Reason } from '@resplice/report';
import { CORE_NAME } from '@resplice/update';
import { execa } from 'execa';
import { toolEnvironment } from '../debian/command.js';
import { duringTool } from '../debian/tool-clock.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import type { ComparedObject } from './compare.js';
import type { KernelModel } from './kernel-model.js';
import { listCoreSources } from './kmod-source.js';
import { compileOwnCode } from './own-code.js';

const MODULE_PREFIX = 'resplice_';

export interface ModuleRequest {
  readonly tree: PreparedTree;
  readonly model: KernelModel;
  readonly engine: Engine;
  readonly compared: readonly ComparedObject[];
  readonly functions: readonly LivepatchFunction[];
  /** Modules that must not be loaded before the update is applied. */
  readonly fresh: readonly string[];
  /** What the update changes besides its code, for its name. */
  readonly data: Uint8Array;
  readonly description: string;
  /** Chosen by the caller, or derived from the code. */
  readonly id: string | undefined;
  readonly signal: AbortSignal | undefined;
}

export interface ModuleFile {
  readonly id: string;
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Where functions lie in its `.text`, in bytes. */
  readonly offsets: ReadonlyMap<Definition, number>;
  /** Where the addresses of led pointers lie in its `.data`. */
  readonly pointers: ReadonlyMap<LedPointer, number>;
  /** What it needs by address. */
  readonly imports: readonly AbsoluteImport[];
  readonly reasons: readonly Reason[];
}

/** Builds the module of an update. */
export async function buildModule(request: ModuleRequest): Promise<ModuleFile> {
  const { tree, model, compared, engine } = request;
  const hooks = listHooks(compared);
  const exits = compared.flatMap(({ owner, diff }) =>
    diff.selection.exit === undefined ? [] : [{ object: owner, replacement: diff.selection.exit }],
  );
  const fresh = request.fresh.map((object) => ({
    object,
    init: compared.find(({ owner, diff }) => owner === object && diff.selection.init !== undefined)?.diff
      .selection.init,
  }));
  const builds = engine === 'livepatch' ? listBuilds(model, compared) : [];
  const names = nameOwnCode(engine, hooks.length + exits.length + fresh.length + builds.length > 0);
  const own = await Promise.all(
    names.map((name) => compileOwnCode(tree, { name, module: 'livepatch' }, request.signal)),
  );
  const parts = [
    ...compared.map(({ owner, diff }) => partOfDiff(owner, diff)),
    ...own.map((file) => ownPart(file, model.layouts)),
  ];
  const functions = engine === 'livepatch' ? request.functions : undefined;
  return finish(request, { parts, functions, hooks, fresh, exits, builds });
}

/** Files of kmod/ that become part of the update's module. */
function nameOwnCode(engine: Engine, hasCallbacks: boolean): readonly string[] {
  if (engine !== 'livepatch') return ['update'];
  return hasCallbacks ? ['hooks', 'exit', 'fresh', 'build'] : ['livepatch'];
}

/** The modules that get new code. */
function listBuilds(model: KernelModel, compared: readonly ComparedObject[]): readonly ModuleBuild[] {
  const modules = [...new Set(compared.map(({ owner }) => owner))];
  return modules.flatMap((object) => {
    const buildId = model.loadedModule(object)?.buildId;
    return buildId === undefined ? [] : [{ object, buildId: Buffer.from(buildId, 'hex') }];
  });
}

/** The hooks of all objects, in the order in which they were written. */
export function listHooks(compared: readonly ComparedObject[]): readonly ObjectHook[] {
  return compared.flatMap(({ owner, diff }) => diff.custom.hooks.map((hook) => ({ ...hook, object: owner })));
}

export type CoreRequest = Omit<
  ModuleRequest,
  'compared' | 'functions' | 'fresh' | 'data' | 'description' | 'id' | 'engine'
>;

/** Builds the trampoline engine's core, which is the same for all updates of a kernel. */
export async function buildCore(request: CoreRequest): Promise<ModuleFile> {
  const { tree, model, signal } = request;
  const names = await listCoreSources();
  const objects = await Promise.all(
    names.map((name) => compileOwnCode(tree, { name, module: CORE_NAME }, signal)),
  );
  return finish(
    {
      ...request,
      engine: 'trampoline',
      compared: [],
      data: new Uint8Array(),
      description: 'trampoline engine of resplice',
      id: CORE_NAME.slice(MODULE_PREFIX.length),
    },
    { parts: objects.map((object) => ownPart(object, model.layouts)), functions: undefined, hooks: [] },
  );
}

async function finish(
  request: Omit<ModuleRequest, 'functions' | 'fresh'>,
  content: Pick<AssemblyInput, 'parts' | 'functions' | 'hooks' | 'exits' | 'fresh' | 'builds'>,
): Promise<ModuleFile> {
  const { tree, model, compared, engine } = request;
  const assembled = assembleUpdate({
    ...content,
    layouts: model.layouts,
    isInKernel: (symbol) => model.vmlinux.addressesOf(symbol).length > 0,
    mayReachNew: (symbol, from, to) =>
      !model.exports.has(symbol) &&
      (to === 'vmlinux' || model.loadedModule(from)?.depends.includes(to) === true),
    isExported: (symbol) => model.exports.get(symbol)?.module === 'vmlinux',
  });
  const checked = await runObjtool(tree, assembled.bytes, request.signal);
  await loadExporters(model, assembled.imports);
  const bound = bindImports(assembled.imports, {
    vmlinux: model.vmlinux,
    module: (name) => model.loadedModule(name)?.running,
    exports: model.exports,
    matches: compared,
  });
  const id = request.id ?? hashUpdate(model, checked.bytes, request.data);
  const name = `${MODULE_PREFIX}${id}`;
  const { offsets, pointers } = assembled;
  const reasons = [...checked.reasons, ...bound.reasons];
  if (bound.reasons.length > 0)
    return { id, name, bytes: new Uint8Array(0), offsets, pointers, imports: [], reasons };
  const about = { name, description: request.description, engine, namespaces: bound.namespaces };
  const finished = finalizeModule({
    bytes: checked.bytes,
    bindings: bound.bindings,
    identity: await describeModule(model, about),
    layouts: model.layouts,
  });
  const { bytes, imports } = finished;
  return { id, name, bytes, offsets, pointers, imports, reasons: [...reasons, ...finished.reasons] };
}

/** Modules that export what the code of other modules uses. */
async function loadExporters(model: KernelModel, imports: ReadonlyMap<string, Import>): Promise<void> {
  for (const { symbol } of imports.values()) {
    const exporter = model.exports.get(symbol)?.module;
    if (exporter === undefined || exporter === 'vmlinux') continue;
    await model.loadModule((exporter.split('/').at(-1) ?? exporter).replaceAll('-', '_'));
  }
}

/** objtool writes what the kernel wants to know of code (ORC, return thunks, static calls) and finds fault with bad code. */
async function runObjtool(
  tree: PreparedTree,
  object: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<{ bytes: Uint8Array; reasons: readonly Reason[] }> {
  const [objtool, ...flags] = tree.database.moduleObjtool;
  if (objtool === undefined)
    throw new InputError('no-objtool', `no objtool call was recorded for ${tree.identity.release}`);
  const directory = await mkdtemp(join(tmpdir(), 'resplice-module-'));
  try {
    const file = join(directory, 'update.o');
    await writeFile(file, object);
    const run = await duringTool(async () =>
      execa(objtool, [...flags, file], {
        cwd: tree.directory,
        env: toolEnvironment(),
        extendEnv: false,
        reject: false,
        all: true,
        ...(signal === undefined ? {} : { cancelSignal: signal }),
      }),
    );
    const complaints = run.all.split('\n').filter((line) => /warning:|error:/.test(line));
    if (run.exitCode !== 0 && complaints.length === 0)
      complaints.push(`objtool ended with status ${run.exitCode ?? run.signal}`);
    const reasons = complaints.map(
      (line): Reason => ({ code: 'objtool-complaint', subject: {}, found: line.replace(`${file}: `, '') }),
    );
    return { bytes: await readFile(file), reasons };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** The same code for the same kernel is the same update, whoever makes it and whenever. */
function hashUpdate(model: KernelModel, object: Uint8Array, data: Uint8Array): string {
  const hash = createHash('sha256').update(model.image.buildId).update(object).update(data);
  return hash.digest('hex').slice(0, 12);
}

async function describeModule(
  model: KernelModel,
  about: Pick<ModuleIdentity, 'name' | 'description' | 'engine' | 'namespaces'>,
): Promise<ModuleIdentity> {
  // A kernel without MODVERSIONS does not export it.
  const layoutCrc = model.exports.get('module_layout')?.crc;
  return { ...about, vermagic: await model.vermagic(), retpoline: true, layoutCrc };
}
