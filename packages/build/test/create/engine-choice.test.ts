import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Reason } from '@resplice/report';
import { chooseAgain, chooseEngine } from '../../src/create/engine-choice.js';

const reason = (code: Reason['code'], symbol = 'raw'): Reason => ({ code, subject: { symbol }, found: '' });
const livepatch = { engine: 'livepatch', why: '' } as const;

describe('the engine of an update', () => {
  it('is livepatch where the kernel has it, else trampoline, unless it was asked for', () => {
    assert.equal(chooseEngine('auto', true, []).engine, 'livepatch');
    assert.deepEqual(chooseEngine('auto', false, []), {
      engine: 'trampoline',
      why: 'this kernel has no livepatch core',
    });
    assert.equal(chooseEngine('livepatch', false, []).engine, 'livepatch');
    assert.equal(chooseEngine('trampoline', true, []).engine, 'trampoline');
  });

  it('takes the trampoline engine for data that only it changes in place, and says which', () => {
    const again = chooseAgain('auto', livepatch, [reason('constant-needs-trampoline', 'policy')]);
    assert.deepEqual(again, { engine: 'trampoline', why: 'livepatch cannot change policy' });
  });

  it('becomes trampoline when livepatch was refused for nothing but what a trampoline can do, and says why', () => {
    const again = chooseAgain('auto', livepatch, [reason('not-traceable'), reason('not-traceable', 'other')]);
    assert.deepEqual(again, { engine: 'trampoline', why: 'livepatch cannot redirect raw, other' });
    assert.equal(
      chooseAgain('auto', livepatch, [reason('not-traceable'), reason('changed-data')]),
      undefined,
    );
    assert.equal(chooseAgain('auto', livepatch, [reason('changed-data')]), undefined);
  });

  it('is not changed behind the back of somebody who asked for one', () => {
    assert.equal(chooseAgain('livepatch', livepatch, [reason('not-traceable')]), undefined);
  });
});
