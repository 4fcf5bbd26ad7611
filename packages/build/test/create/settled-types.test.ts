import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findTouchedTypes } from '@resplice/engine';
import { findTouchedTags } from '../../src/create/settled-types.js';

describe('types that a compiler is asked about before their users are followed', () => {
  it('are known by their bare tags, which is how names are followed', () => {
    const before = 'struct a { int b; };\nunion u { int x; };\nenum e { A };\n';
    const after = 'struct a { int b; int c; };\nunion u { int x; char y; };\nenum e { A, B };\n';
    assert.deepEqual(findTouchedTypes(before, after).tags, ['struct a', 'union u', 'enum e']);
    assert.deepEqual(findTouchedTags(before, after), ['a', 'u']);
  });
});
