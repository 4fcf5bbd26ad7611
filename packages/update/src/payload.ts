// What lies beside the manifest in an update, and what the manifest must say so that no reader is led astray: one list of
// payload files with their hashes, and facts inside the manifest that have to agree with each other.

import { createHash } from 'node:crypto';
import { ENTRY_PATH } from './container.js';
import type { Manifest } from './manifest.js';

/** The trampoline engine's module. */
export const CORE_NAME = 'resplice_core';
/** `jmp rel32`. */
const JUMP_LENGTH = 5;

const MODULE_PATH = /^module\/[A-Za-z0-9_]{1,55}\.ko$/;
const PATCH_PATH = /^patches\/\d{4}-[^/]+\.patch$/;

/** Lower-case hexadecimal SHA-256. */
export function hashContent(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Path and SHA-256 of every file that an update with this manifest holds. */
export function listPayload(manifest: Manifest): ReadonlyMap<string, string> {
  const core = manifest.trampoline?.core;
  const files = [...manifest.patches, manifest.module, ...(core === undefined ? [] : [core])];
  return new Map(files.map(({ file, sha256 }) => [file, sha256]));
}

/** Path in the update of the patch with this 1-based rank, for example `patches/0001-tcp-restrict-filters.patch`. */
export function patchPath(rank: number, title: string): string {
  const words = title.replace(/\.(patch|diff|mbox)$/, '').replace(/^\d{4}-/, '');
  const slug = words.replace(/[^A-Za-z0-9]+/g, '-').replace(/^-+|-+$/g, '');
  return `patches/${String(rank).padStart(4, '0')}-${slug.slice(0, 60) || 'patch'}.patch`;
}

/** The first thing in the manifest that contradicts the format or itself, as a sentence; undefined when there is none. */
export function findContradiction(manifest: Manifest): string | undefined {
  return findPathProblem(manifest) ?? findObjectProblem(manifest) ?? findEngineProblem(manifest);
}

/** Each engine has what it needs and nothing of the other's. */
function findEngineProblem({ engine, trampoline, objects, id, module }: Manifest): string | undefined {
  const isTrampoline = engine === 'trampoline';
  if (isTrampoline !== (trampoline !== null)) return `the engine is ${engine}, and its part is not`;
  for (const { name, functions } of objects) {
    const odd = functions.find(({ jump }) => (jump !== null) !== isTrampoline);
    if (odd !== undefined)
      return `${name}: ${odd.name}: jumps belong to the engine trampoline, and only to it`;
    for (const patched of functions) {
      const problem = patched.jump === null ? undefined : findJumpProblem(patched);
      if (problem !== undefined) return `${name}: ${patched.name}: ${problem}`;
    }
  }
  if (trampoline === null) return undefined;
  const { file, name } = trampoline.core;
  if (name !== CORE_NAME || file !== `module/${CORE_NAME}.ko`)
    return `the engine's core is ${name} in ${JSON.stringify(file)}; expected ${CORE_NAME}`;
  return module.name === CORE_NAME
    ? `the id ${id} gives its module the name of the engine's core`
    : undefined;
}

function findJumpProblem({
  size,
  jump,
}: Manifest['objects'][number]['functions'][number]): string | undefined {
  if (jump === null) return undefined;
  const { at, below } = jump;
  const length = below === null ? size : Buffer.from(below.code, 'base64').length;
  if (below !== null && length !== below.size) return `${below.size} bytes below, but ${length} are given`;
  if (at + JUMP_LENGTH > length) return `the jump at ${at} reaches beyond the function`;
  const outside = below?.sites.find((site) => site.at + site.length > length);
  return outside === undefined ? undefined : `the site at ${outside.at} below reaches beyond the function`;
}

function findPathProblem(manifest: Manifest): string | undefined {
  const { file, name } = manifest.module;
  if (!MODULE_PATH.test(file)) return `the module's path is ${JSON.stringify(file)}; expected module/NAME.ko`;
  if (file !== `module/${name}.ko`) return `the module is named ${name}, but its path is ${file}`;
  for (const [index, patch] of manifest.patches.entries()) {
    const fits = PATCH_PATH.test(patch.file) && ENTRY_PATH.test(patch.file);
    if (!fits || !patch.file.startsWith(`patches/${String(index + 1).padStart(4, '0')}-`)) {
      return `patch ${index + 1} has the path ${JSON.stringify(patch.file)}; expected patches/NNNN-TITLE.patch in order`;
    }
  }
  return undefined;
}

function findObjectProblem(manifest: Manifest): string | undefined {
  const names = manifest.objects.map((object) => object.name);
  if (new Set(names).size !== names.length) return 'an object is listed twice';
  for (const object of manifest.objects) {
    if ((object.name === 'vmlinux') !== (object.buildId === null)) {
      return `${object.name}: vmlinux has no build id of its own, and every module has one`;
    }
    for (const patched of object.functions) {
      const length = Buffer.from(patched.code, 'base64').length;
      const where = `${object.name}: ${patched.name}`;
      if (length !== patched.size)
        return `${where}: size is ${patched.size}, but ${length} bytes of code are given`;
      const outside = patched.sites.find((site) => site.at + site.length > patched.size);
      if (outside !== undefined) return `${where}: the site at ${outside.at} reaches beyond the function`;
    }
  }
  return undefined;
}
