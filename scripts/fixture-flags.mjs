#!/usr/bin/env node
// The flags under which the engine's fixtures are compiled: those of net/core/sock.o as the kernels' own builds have them, without what only
// warns, names files or adds debug information. `--write` refreshes packages/engine/fixtures/flags.json; the kernels must be prepared
// (`resplice create` does it). Without it, says whether the file still is what the prepared kernels give.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { fetchKernel, listFetchedKernels, prepareTree, resolveKernel, systemApt } from '@resplice/build';

const FILE = fileURLToPath(new URL('../packages/engine/fixtures/flags.json', import.meta.url));
const FLAVOURS = { '6.1-amd64': '6.1.0-47-amd64', '6.12-amd64': '6.12.107+deb12-amd64' };
const OBJECT = 'net/core/sock.o';
const DROPPED = /^-(?:I|D|W|g$|include$|fmacro-prefix-map=)/;

const flags = {};
for (const [flavour, release] of Object.entries(FLAVOURS)) {
  const fetched = await listFetchedKernels();
  const kernel = await fetchKernel(await resolveKernel(release, systemApt(), { fetched }), {});
  const { database, identity } = await prepareTree(kernel, {});
  const [, ...words] = database.find(OBJECT).arguments;
  const kept = words.filter((word, at) => !DROPPED.test(word) && words[at - 1] !== '-include');
  flags[flavour] = { recordedFrom: identity.version, object: OBJECT, flags: [...new Set(kept)] };
}
const text = `${JSON.stringify(flags, null, 2)}\n`;
if (process.argv.includes('--write')) writeFileSync(FILE, text);
else if (readFileSync(FILE, 'utf8') !== text) {
  console.error(`${join('packages/engine/fixtures', 'flags.json')} differs; --write refreshes it`);
  process.exitCode = 1;
}
