// That a changed header reaches every object that reads it rests on the index of includes, which knows nothing of conditions. Here gcc says what
// objects of Debian's kernels really read.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { openWorkshop } from '../../src/index.js';
import { mapParallel } from '../../src/tree/compiler-run.js';
import { listDependencies, readIncludeGraph } from '../../src/tree/include-graph.js';
import { kernels } from './kernels.js';

const OBJECTS = 40;
/** Beside those: sources whose trace headers are included by names that are put together. */
const TRACING = 20;

for (const kernel of kernels) {
  test(`nothing that gcc reads is missing from the index: ${kernel}`, async () => {
    const { tree } = await openWorkshop({ kernel }, {});
    const graph = await readIncludeGraph(tree);
    const all = [...tree.database.objects()];
    const tracing = all.filter((object) => {
      const source = join(tree.directory, tree.database.find(object)?.source ?? '');
      return existsSync(source) && readFileSync(source, 'latin1').includes('#define CREATE_TRACE_POINTS');
    });
    assert.ok(tracing.length > TRACING);
    const drawn = new Set([...draw(all, OBJECTS), ...draw(tracing, TRACING)]);
    const missing = await mapParallel([...drawn], undefined, undefined, async (object, signal) => {
      const known = graph.findIncluded(object);
      const read = await listDependencies(tree, tree.directory, object, signal);
      assert.ok(read.length > 1, object);
      return read.filter((path) => !known.has(path)).map((path) => `${object}: ${path}`);
    });
    assert.deepEqual(missing.flat(), []);
  });
}

function draw(objects: readonly string[], count: number): readonly string[] {
  const step = Math.ceil(objects.length / count);
  return objects.filter((_, at) => at % step === 0);
}
