// From compared objects to the module: assemble, let objtool complete it, bind what it imports, write it.

import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  assembleUpdate,
  bindImports,
  finalizeModule,
  type Import,
  type LivepatchFunction,
  type ModuleIdentity,
  ownPart,
  partOfDiff,
} from '@resplice/engine';
import { InputError, type Reason } from '@resplice/report';
import { execa } from 'execa';
import { toolEnvironment } from '../debian/command.js';
import type { PreparedTree } from '../tree/prepare-tree.js';
import type { ComparedObject } from './compare.js';
import type { KernelModel } from './kernel-model.js';
import { compileOwnCode } from './own-code.js';
import type { ToolClock } from './timing.js';

export interface ModuleRequest {
  readonly tree: PreparedTree;
  readonly model: KernelModel;
  readonly compared: readonly ComparedObject[];
  readonly functions: readonly LivepatchFunction[];
  readonly description: string;
  /** Chosen by the caller, or derived from the code. */
  readonly id: string | undefined;
  readonly clock: ToolClock;
  readonly signal: AbortSignal | undefined;
}

export interface ModuleFile {
  readonly id: string;
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly reasons: readonly Reason[];
}

/** Builds the livepatch module of an update. */
export async function buildModule(request: ModuleRequest): Promise<ModuleFile> {
  const { tree, model, compared, clock } = request;
  const hooks = compared.flatMap(({ owner, diff }) =>
    diff.custom.hooks.map((hook) => ({ ...hook, object: owner })),
  );
  const ownCode = hooks.length > 0 ? 'hooks' : 'livepatch';
  const own = await clock.during(() => compileOwnCode(tree, ownCode, request.signal));
  const parts = [...compared.map(({ owner, diff }) => partOfDiff(owner, diff)), ownPart(own, model.layouts)];
  const assembled = assembleUpdate({
    parts,
    functions: request.functions,
    hooks,
    layouts: model.layouts,
    isInKernel: (symbol) => model.vmlinux.addressesOf(symbol).length > 0,
    isExported: (symbol) => model.exports.get(symbol)?.module === 'vmlinux',
  });
  const checked = await clock.during(() => runObjtool(tree, assembled.bytes, request.signal));
  await loadExporters(model, assembled.imports);
  const bound = bindImports(assembled.imports, {
    vmlinux: model.vmlinux,
    module: (name) => model.loadedModule(name)?.running,
    exports: model.exports,
    matches: compared,
  });
  const id = request.id ?? hashUpdate(model, checked.bytes);
  const name = `resplice_${id}`;
  const reasons = [...checked.reasons, ...bound.reasons];
  if (bound.reasons.length > 0) return { id, name, bytes: new Uint8Array(0), reasons };
  const identity = await describeModule(model, name, request.description, bound.namespaces);
  const finished = finalizeModule({
    bytes: checked.bytes,
    bindings: bound.bindings,
    identity,
    layouts: model.layouts,
  });
  return { id, name, bytes: finished.bytes, reasons: [...reasons, ...finished.reasons] };
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
    const run = await execa(objtool, [...flags, file], {
      cwd: tree.directory,
      env: toolEnvironment(),
      extendEnv: false,
      reject: false,
      all: true,
      ...(signal === undefined ? {} : { cancelSignal: signal }),
    });
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
function hashUpdate(model: KernelModel, object: Uint8Array): string {
  return createHash('sha256').update(model.image.buildId).update(object).digest('hex').slice(0, 12);
}

async function describeModule(
  model: KernelModel,
  name: string,
  description: string,
  namespaces: readonly string[],
): Promise<ModuleIdentity> {
  const layoutCrc = model.exports.get('module_layout')?.crc;
  if (layoutCrc === undefined)
    throw new InputError(
      'no-module-layout',
      'Module.symvers has no module_layout; expected a kernel with CONFIG_MODVERSIONS',
    );
  return {
    name,
    vermagic: await model.vermagic(),
    description,
    retpoline: true,
    namespaces,
    layoutCrc,
  };
}
