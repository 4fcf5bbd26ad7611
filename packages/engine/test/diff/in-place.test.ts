import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listChangedBytes } from '../../src/diff/in-place.js';
import { diffFixture } from './fixture.js';

describe('constants that other objects can read', () => {
  it('are changed in place by the trampoline engine, byte by byte', async () => {
    const diff = await diffFixture('constant-global.refused', { engine: 'trampoline' });
    assert.deepEqual(diff.reasons, []);
    const [after] = diff.selection.rewritten;
    const before = after === undefined ? undefined : diff.correlation.origins.get(after);
    assert.ok(after && before);
    assert.equal(after.name, 'table');
    const changes = listChangedBytes(diff.pre, before, diff.post, after);
    assert.deepEqual(
      changes.map(({ offset }) => offset),
      [8],
    );
    assert.deepEqual([...(changes[0]?.before ?? []), ...(changes[0]?.after ?? [])].toSorted(), [3, 4]);
  });

  it('of a module as well, unless there are pointers in them, which only the running module knows', async () => {
    const plain = await diffFixture('constant-in-module.ok');
    assert.deepEqual(
      plain.selection.rewritten.map(({ name }) => name),
      ['minimum'],
    );
    const pointing = await diffFixture('constant-pointers-in-module.refused');
    assert.deepEqual(pointing.selection.rewritten, []);
  });

  it('leave what points at them alone', async () => {
    const held = await diffFixture('constant-held.ok');
    assert.deepEqual(
      held.selection.included.map(({ name }) => name),
      ['check'],
    );
  });

  it('that change their size are not', async () => {
    const diff = await diffFixture('data-size.refused', { engine: 'trampoline' });
    assert.deepEqual(diff.selection.rewritten, []);
    assert.equal(diff.reasons[0]?.code, 'changed-data');
  });
});
