import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkBuildTools, findProgram } from '../../src/tree/build-tools.js';

test('names every missing program with its package', async () => {
  const missing = await checkBuildTools('/nonexistent');
  for (const name of ['flex', 'bison', 'bc', 'make', 'xz-utils', 'dwarves']) {
    assert.ok(
      missing.some((each) => each.package === name),
      name,
    );
  }
});

test('finds programs on the search path and by absolute path', async () => {
  assert.equal(await findProgram('sh', '/nonexistent:/bin'), '/bin/sh');
  assert.equal(await findProgram('/bin/sh', ''), '/bin/sh');
  assert.equal(await findProgram('no-such-program'), undefined);
});
