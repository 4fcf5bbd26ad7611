// What the manifest of a trampoline update must say so that no reader is led astray.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeUpdate, hashContent, type Manifest, parseUpdate, type Update } from '../src/index.js';
import { sampleUpdate } from './sample-update.js';

const core = new TextEncoder().encode('the core');
const CORE = 'module/resplice_core.ko';

type Change = (manifest: Manifest) => Manifest;

/** The sample, made for the trampoline engine. */
function trampolineUpdate(change: Change = (manifest) => manifest): Update {
  const { manifest, files } = sampleUpdate();
  const objects = manifest.objects.map((object) => ({
    ...object,
    functions: object.functions.map((each) => ({ ...each, jump: { at: 0, to: 0, below: null } })),
  }));
  const trampoline = {
    imports: [],
    hooks: [],
    core: { file: CORE, name: 'resplice_core', sha256: hashContent(core), imports: [] },
  };
  const whole: Manifest = { ...manifest, engine: 'trampoline', objects, trampoline };
  return { manifest: change(whole), files: new Map([...files, [CORE, core]]) };
}

test('an update for the trampoline engine carries the core and comes back as it was', () => {
  const update = trampolineUpdate();
  const parsed = parseUpdate(encodeUpdate(update), 'x.splice');
  assert.deepEqual(parsed.manifest, update.manifest);
  assert.deepEqual(Buffer.from(parsed.files.get(CORE) ?? []), Buffer.from(core));
});

const withJump =
  (change: object): Change =>
  (manifest) => ({
    ...manifest,
    objects: manifest.objects.map((object) => ({
      ...object,
      functions: object.functions.map((each) => ({
        ...each,
        jump: { at: 0, to: 0, below: null, ...change },
      })),
    })),
  });

const CONTRADICTIONS: readonly (readonly [what: string, change: Change, says: RegExp])[] = [
  ['the part of the other engine', (manifest) => ({ ...manifest, engine: 'livepatch' }), /its part is not/],
  ['a jump that reaches beyond the function', withJump({ at: 1_000_000 }), /reaches beyond/],
  [
    'less code below than it says',
    withJump({ below: { update: 'lower', at: 0, size: 100, code: '', sites: [] } }),
    /100 bytes below, but 0 are given/,
  ],
];

for (const [what, change, says] of CONTRADICTIONS) {
  test(`refuses ${what}`, () => {
    assert.throws(() => encodeUpdate(trampolineUpdate(change)), says);
  });
}
