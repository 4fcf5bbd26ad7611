import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tellingUpdate } from '@resplice/update/sample';
import { standBeside } from '../../src/work/publish.js';

const [VMLINUX] = tellingUpdate().manifest.objects;
assert.ok(VMLINUX);
const elsewhere = tellingUpdate({ objects: [{ ...VMLINUX, name: 'xt_mac', buildId: 'cd'.repeat(20) }] });

test('what stands alone is published beside the cumulative update, unless both replace a function', () => {
  const single = new Map([
    ['other functions', elsewhere],
    ['the same function', tellingUpdate()],
  ]);
  const { beside, inTheWay } = standBeside(single, tellingUpdate());
  assert.deepEqual(beside, ['other functions']);
  assert.deepEqual(
    inTheWay.map(({ unit }) => unit),
    ['the same function'],
  );
  assert.match(inTheWay[0]?.problem ?? '', /both replace a function/);
  assert.deepEqual(standBeside(single, undefined).beside, [...single.keys()]);
});
