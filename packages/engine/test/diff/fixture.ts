// Pairs of C files from fixtures/, compiled and compared.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DiffOptions, diffObjects, type ObjectDiff } from '../../src/diff/object-diff.js';
import { parseObject } from '../../src/elf/object.js';
import { compileFile, FIXTURES, SPLIT } from '../elf/compiler.js';
import { LAYOUTS } from './layouts.js';

export interface Expectation {
  readonly replaced: readonly string[];
  readonly added: readonly string[];
  readonly removed?: readonly string[];
  /** Reason codes. */
  readonly reasons: readonly string[];
  /** Additional compiler flags. */
  readonly flags?: readonly string[];
  /** Symbols without which the fixture would not show its construct. */
  readonly contains?: readonly string[];
}

/** Names of all fixtures, `CONSTRUCT.VERDICT`. */
export const FIXTURE_NAMES = readdirSync(FIXTURES, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

export function readExpectation(name: string): Expectation {
  return JSON.parse(readFileSync(join(FIXTURES, name, 'expect.json'), 'utf8')) as Expectation;
}

/** Compiles both sides to objects that call their source `file.c`. */
export async function compileFixture(name: string): Promise<readonly [pre: Uint8Array, post: Uint8Array]> {
  const { flags = [] } = readExpectation(name);
  const compileSide = (side: string) => {
    const path = join(FIXTURES, name, `${side}.c`);
    return compileFile(path, [...SPLIT, `-fmacro-prefix-map=${path}=file.c`, ...flags]);
  };
  return Promise.all([compileSide('pre'), compileSide('post')]);
}

export async function diffFixture(name: string, options: DiffOptions = {}): Promise<ObjectDiff> {
  assert.ok(FIXTURE_NAMES.includes(name), name);
  const [pre, post] = await compileFixture(name);
  return diffObjects(name, parseObject(pre, 'pre.o'), parseObject(post, 'post.o'), LAYOUTS, options);
}
