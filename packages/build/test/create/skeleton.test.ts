import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Reason } from '@resplice/report';
import { renderSkeleton } from '../../src/create/skeleton.js';

const changed = (symbol: string, found: string): Reason => ({
  code: 'changed-data',
  subject: { object: 'mm/util.o', symbol },
  found,
});

it('a skeleton has hooks for changed data and says what no hook helps against', () => {
  const text = renderSkeleton([
    changed('limit', 'it changes */ here'),
    { code: 'not-traceable', subject: { symbol: 'early' }, found: '' },
  ]);
  assert.match(text ?? '', /RESPLICE_APPLY\(resplice_apply_limit\);/);
  assert.match(text ?? '', /RESPLICE_HANDLES_DATA\(limit, /);
  assert.match(text ?? '', /no hook helps against not-traceable: early/);
  assert.match(text ?? '', /it changes \* \/ here/);
});

it('there is no skeleton for an object whose size changes, or that no name reaches', () => {
  assert.equal(renderSkeleton([changed('limit', 'its size changes from 4 to 8 bytes')]), undefined);
  assert.equal(renderSkeleton([changed('count.0', 'it changes')]), undefined);
});
