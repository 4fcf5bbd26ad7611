#!/usr/bin/env node
// Our TUF client behind the command line that the TUF conformance suite calls (theupdateframework/tuf-conformance,
// CLIENT-CLI.md). docs/testing.md says how to run it. client.mjs.xfails beside it lists the cases that are expected to fail.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import {
  assertTarget,
  downloadTarget,
  findTarget,
  openHttpFolders,
  openMetadataStore,
  refreshMetadata,
} from '@resplice/update/repository';

const text = { type: 'string' };
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'metadata-dir': text,
    'metadata-url': text,
    'target-name': { type: 'string', multiple: true, default: [] },
    'target-base-url': text,
    'target-dir': text,
  },
});
const store = openMetadataStore(values['metadata-dir']);

async function fetchTarget(trusted, name) {
  const found = await findTarget(trusted, name);
  if (found === undefined) throw new Error(`${name}: no role names this target`);
  const file = join(values['target-dir'], encodeURIComponent(name));
  try {
    assertTarget(found.target, readFileSync(file));
  } catch {
    // Not there, or another content: it is downloaded.
    const bytes = await downloadTarget(trusted, found.target);
    mkdirSync(values['target-dir'], { recursive: true });
    writeFileSync(file, bytes);
  }
}

async function run([command, root]) {
  if (command === 'init') return store.write('root', readFileSync(root));
  const source = openHttpFolders(values['metadata-url'], values['target-base-url'] ?? values['metadata-url']);
  const trusted = await refreshMetadata({ source, store, root: Buffer.of(), now: new Date() });
  if (command === 'download') for (const name of values['target-name']) await fetchTarget(trusted, name);
}

try {
  await run(positionals);
} catch (error) {
  console.error(`${error.code ?? 'bug'}: ${error.message}`);
  process.exitCode = 1;
}
