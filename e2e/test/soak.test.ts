// Twenty cycles of applying and undoing with each engine in one busy guest, in which one of eight commands is killed and the kernel stops at the first warning.
// `npm run soak` does a thousand.

import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { SoakCount } from '../src/soak/plan.js';
import { findLeaks, makeSet, runSoak } from '../src/soak/run-soak.js';
import { Workshop } from '../src/workshop.js';

const CYCLES = 20;
const ENGINES = ['livepatch', 'trampoline'] as const;

let workshop: Workshop | undefined;
let count: SoakCount | undefined;

before(async () => {
  workshop = await Workshop.open();
  const sets: Record<string, Awaited<ReturnType<typeof makeSet>>> = {};
  for (const engine of ENGINES) sets[engine] = await makeSet(workshop, engine);
  count = await runSoak(workshop, { sets, cycles: CYCLES, seed: 1 });
});

after(() => workshop?.close());

it('gets through all cycles without a warning, a hung task or an oops, whatever was killed', () => {
  assert.equal(count?.cycles, CYCLES);
  assert.ok(count.kills > 0, `${count.kills} kills`);
});

it('leaves the kernel with the memory it had', () => {
  assert.ok(count);
  assert.deepEqual(findLeaks(count), []);
});
