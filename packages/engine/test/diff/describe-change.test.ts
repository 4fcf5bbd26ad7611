// What a reason says of data that changes.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { diffObjects } from '../../src/diff/object-diff.js';
import { compileObject } from '../elf/compiler.js';
import { LAYOUTS } from './layouts.js';

const PREAMBLE = `
int think(int), work(int);
struct inner { int a, b; };
struct outer { const char *name; int (*call)(int); unsigned char bytes[16]; const struct inner *inner; };
`;

async function foundBetween(before: string, after: string): Promise<readonly string[]> {
  const [pre, post] = await Promise.all([compileObject(PREAMBLE + before), compileObject(PREAMBLE + after)]);
  return diffObjects('x.o', pre, post, LAYOUTS).reasons.map(({ found }) => found);
}

describe('a reason about data', () => {
  it('names strings, functions and bytes before and after, with their offsets', async () => {
    assert.deepEqual(
      await foundBetween(
        'struct outer it = {"old", 0, {[2] = 7}};',
        'struct outer it = {"new", work, {[2] = 8, [3] = 1}};',
      ),
      [
        'its content changes at +0x0 from "old" to "new", at +0x8 from nothing to work, at +0x12 from 07 00 to 08 01',
      ],
    );
  });

  it('counts the places beyond the fourth', async () => {
    const [found = ''] = await foundBetween(
      'struct outer it = {.call = think};',
      'struct outer it = {.call = work, .bytes = {1, 0, 1, 0, 1, 0, 1, 0, 1}};',
    );
    assert.match(found, /, and at 2 more places$/);
  });

  it('says which constant changes behind an unchanged pointer', async () => {
    const table = (value: number) => `
      static const struct inner one = {1, ${value}}, two = {3, 4};
      struct outer it = {.inner = &one}, other = {.inner = &two};`;
    assert.deepEqual(await foundBetween(table(2), table(5)), ['what it points at changes (one at +0x20)']);
  });

  it('says that a table of device IDs is the one that the driver core has', async () => {
    const table = (id: number) => `
      static const struct inner ids[] = {{${id}, 1}, {0, 0}};
      extern const struct inner __mod_pci__ids_device_table[2] __attribute__((alias("ids")));
      struct outer it = {.inner = ids};`;
    const found = (await foundBetween(table(1), table(2))).find((each) => each.includes('driver')) ?? '';
    assert.match(found, /^the driver core matches .* its content changes at \+0x0 from 01 to 02$/);
  });
});
