import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { createUpdate } from '../../src/create/create-update.js';
import type { Workshop } from '../../src/create/workshop.js';
import { SELF_BUILT } from '../../src/debian/kernel-identity.js';

let directory = '';

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'resplice-no-livepatch-'));
});

after(() => rm(directory, { recursive: true, force: true }));

it('refuses an update for the livepatch core of a kernel that has none, and says which engine needs none', async () => {
  const config = join(directory, 'config');
  await writeFile(config, '# CONFIG_LIVEPATCH is not set\nCONFIG_HAVE_LIVEPATCH=y\n');
  const identity = {
    release: '6.1.170-own',
    abi: '6.1.170-own',
    flavour: SELF_BUILT,
    version: 'build-0',
    sourcePackage: SELF_BUILT,
    imagePackage: SELF_BUILT,
    headersPackage: SELF_BUILT,
  };
  const nowhere = join(directory, 'nowhere');
  const workshop: Workshop = {
    kernel: {
      ...{ identity, directory, config, vmlinuz: nowhere, modules: nowhere, headers: nowhere },
      ...{ symvers: nowhere, sourceArchive: nowhere, changelog: nowhere },
    },
    get tree(): never {
      return assert.fail('nothing is compiled');
    },
    openModel: () => assert.fail('the image is not read'),
    recall: () => assert.fail('nothing is asked'),
  };
  const request = { kernel: undefined, patches: [], cves: [], description: undefined, on: [] };
  const verdict = await createUpdate({ ...request, engine: 'livepatch' }, { workshop });
  assert.ok(!verdict.ok);
  const found = '6.1.170-own is configured without CONFIG_LIVEPATCH';
  assert.deepEqual(verdict.reasons, [{ code: 'livepatch-missing', subject: {}, found }]);
});
