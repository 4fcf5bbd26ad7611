// Pairs of C files from fixtures/, compiled and compared.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DiffOptions, diffObjects, type ObjectDiff } from '../../src/diff/object-diff.js';
import { parseObject } from '../../src/elf/object.js';
import { compileFile, FIXTURES, FLAVOURS, type Flavour, SPLIT } from '../elf/compiler.js';
import { LAYOUTS_OF } from './layouts.js';

export interface Expectation {
  readonly replaced: readonly string[];
  readonly added: readonly string[];
  readonly removed?: readonly string[];
  /** Reason codes. */
  readonly reasons: readonly string[];
  /** Judged as part of a loadable module. */
  readonly module?: true;
  /** Judged for the trampoline engine. */
  readonly engine?: 'trampoline';
  /** The function that runs in place of the module's exit function. */
  readonly exit?: string;
  /** Judged as part of a module that is not loaded before the update is applied. */
  readonly fresh?: true;
  /** The function that runs in place of the module's init function. */
  readonly init?: string;
  /** Data whose content is written into the module when it is loaded. */
  readonly rewritten?: readonly string[];
  /** New definitions whose address the kernel may keep. */
  readonly addressTaken?: readonly string[];
  /** Tables whose entries go along. */
  readonly tables?: readonly string[];
  /** Kernels that have the construct; all when left out. */
  readonly on?: readonly Flavour[];
  /** Additional compiler flags. */
  readonly flags?: readonly string[];
  /** Symbols without which the fixture would not show its construct. */
  readonly contains?: readonly string[];
}

/** Names of all fixtures, `CONSTRUCT.VERDICT`. */
export const FIXTURE_NAMES = readdirSync(FIXTURES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

/** What is expected, with what the fixture says of this kind of kernel alone. */
export function readExpectation(name: string, flavour: Flavour = FLAVOURS[0]): Expectation {
  const text = readFileSync(join(FIXTURES, name, 'expect.json'), 'utf8');
  const all = JSON.parse(text) as Expectation & Partial<Record<Flavour, Partial<Expectation>>>;
  return { ...all, ...all[flavour] };
}

/** Whether kernels of this kind have what the fixture is about. */
export function existsOn(name: string, flavour: Flavour): boolean {
  return readExpectation(name).on?.includes(flavour) ?? true;
}

/** The kernel to use when a test does not care. */
function anyFlavour(name: string): Flavour {
  return readExpectation(name).on?.[0] ?? FLAVOURS[0];
}

/** Compiles both sides, C or assembly, to objects that call their source `file.c`. */
export async function compileFixture(
  name: string,
  flavour: Flavour = anyFlavour(name),
): Promise<readonly [pre: Uint8Array, post: Uint8Array]> {
  const { flags = [] } = readExpectation(name);
  const macro = `-DON_${flavour.replaceAll(/\W/g, '_')}`;
  const compileSide = (side: string) => {
    const source = join(FIXTURES, name, `${side}.c`);
    const path = existsSync(source) ? source : join(FIXTURES, name, `${side}.S`);
    return compileFile(path, [...SPLIT, `-fmacro-prefix-map=${path}=file.c`, macro, ...flags], flavour);
  };
  return Promise.all([compileSide('pre'), compileSide('post')]);
}

/** @param options override what the fixture says */
export async function diffFixture(
  name: string,
  options: DiffOptions = {},
  flavour: Flavour = anyFlavour(name),
): Promise<ObjectDiff> {
  assert.ok(FIXTURE_NAMES.includes(name), name);
  const { module: isModule = false, fresh = false, engine = 'livepatch' } = readExpectation(name);
  const [pre, post] = await compileFixture(name, flavour);
  const [before, after] = [parseObject(pre, 'pre.o'), parseObject(post, 'post.o')];
  return diffObjects(name, before, after, LAYOUTS_OF[flavour], { isModule, fresh, engine, ...options });
}
