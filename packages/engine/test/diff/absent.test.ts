// Functions that the flags of the update brought about and the shipped object does not have.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defineObject } from '../../src/diff/definition.js';
import { diffObjects, type ObjectDiff } from '../../src/diff/object-diff.js';
import { compileObject } from '../elf/compiler.js';
import { LAYOUTS } from './layouts.js';

const text = (inline: string, { step = 1, limit = 8 } = {}) => `
int think(int);
static ${inline} int build(int n) { return think(n + ${step}) + think(n - ${step}); }
int set(int n) { return n > ${limit} ? 0 : build(n); }
int get(int n) { return build(n) + 1; }`;
const INLINED = 'inline __attribute__((always_inline, no_instrument_function))';
const SPLIT_OFF = '__attribute__((noinline))';

async function diff(change: { readonly step?: number; readonly limit?: number }): Promise<ObjectDiff> {
  const [shipped, before, after] = await Promise.all([
    compileObject(text(INLINED)),
    compileObject(text(SPLIT_OFF)),
    compileObject(text(SPLIT_OFF, change)),
  ]);
  return diffObjects('x.o', before, after, LAYOUTS, {
    isModule: true,
    shipped: defineObject(shipped),
  });
}

const namesOf = (definitions: readonly { readonly name: string }[]) =>
  definitions.map(({ name }) => name).sort();

describe('a function that the running kernel has only inside of its callers', () => {
  it('is copied for a changed caller', async () => {
    const { replaced, selection, reasons } = await diff({ limit: 9 });
    assert.deepEqual(namesOf(replaced.map(({ after }) => after)), ['set']);
    assert.deepEqual(namesOf(selection.included), ['build', 'set']);
    assert.deepEqual(reasons, []);
  });

  it('has all of its callers replaced when it changes', async () => {
    const { replaced, selection, reasons } = await diff({ step: 2 });
    assert.deepEqual(namesOf(replaced.map(({ after }) => after)), ['get', 'set']);
    assert.deepEqual(namesOf(selection.included), ['build', 'get', 'set']);
    assert.deepEqual(reasons, []);
  });
});
