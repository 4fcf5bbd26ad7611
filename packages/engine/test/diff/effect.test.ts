// What makes an update: something that runs does something else.

import assert from 'node:assert/strict';
import { it } from 'node:test';
import { hasEffect } from '../../src/diff/object-diff.js';
import { diffFixture } from './fixture.js';

for (const [name, expected] of [
  ['changed-function.ok', true],
  ['fresh-data.ok', true],
  ['hook-apply.ok', true],
  ['exit-code.ok', true],
  ['added-global-function.ok', false],
  ['global-data-new.ok', false],
] as const) {
  it(`${name} ${expected ? 'has an effect' : 'is only there for others to use'}`, async () => {
    assert.equal(hasEffect(await diffFixture(name)), expected);
  });
}
