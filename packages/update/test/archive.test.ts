import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { InputError, InternalError, RespliceError, TrustError } from '@resplice/report';
import fc from 'fast-check';
import { Header } from 'tar/header';
import { encodeContainer } from '../src/container.js';
import {
  encodeCanonicalJson,
  encodeUpdate,
  hashContent,
  MAX_UPDATE_SIZE,
  type Manifest,
  parseUpdate,
} from '../src/index.js';
import { sampleUpdate } from './sample-update.js';

const sample = sampleUpdate();
const good = encodeUpdate(sample);

function refusal(bytes: Uint8Array): string {
  try {
    parseUpdate(bytes, 'x.splice');
  } catch (error) {
    assert.ok(error instanceof RespliceError, `a plain ${String(error)} escaped`);
    assert.match(error.message, /^x\.splice: /);
    return error.code;
  }
  return 'accepted';
}

/** An archive with these parts as they are, so that a test can lie in any of them. */
function archive(parts: readonly (readonly [path: string, content: Uint8Array])[]): Uint8Array {
  return Buffer.concat([...encodeContainer(parts.map(([path, content]) => ({ path, content })))]);
}

/** The sample's archive with another text as manifest.json, its hash in the envelope, and extra files. */
function withManifest(text: Uint8Array, extra: readonly (readonly [string, Uint8Array])[] = []): Uint8Array {
  const envelope = encodeCanonicalJson({ format: 1, manifest: hashContent(text) });
  const files = [...sample.files, ...extra].sort(([left], [right]) => (left < right ? -1 : 1));
  return archive([['resplice.json', envelope], ['manifest.json', text], ...files]);
}

test('gives back the manifest and the files that were written', () => {
  const parsed = parseUpdate(good, 'x.splice');
  assert.deepEqual(parsed.manifest, sample.manifest);
  assert.deepEqual([...parsed.files.keys()].sort(), [...sample.files.keys()].sort());
  for (const [path, content] of sample.files)
    assert.deepEqual(Buffer.from(parsed.files.get(path) ?? []), content);
});

test('two encodings are byte-identical, whatever the order of keys and files', () => {
  const manifest = Object.fromEntries(Object.entries(sample.manifest).reverse()) as typeof sample.manifest;
  assert.deepEqual(encodeUpdate({ manifest, files: new Map([...sample.files].reverse()) }), good);
});

test('GNU tar lists the archive with the envelope and the manifest first', () => {
  const listing = execFileSync('tar', ['-tf', '-'], { input: good, encoding: 'utf8' });
  assert.deepEqual(listing.trim().split('\n'), [
    'resplice.json',
    'manifest.json',
    'module/resplice_sample_1.ko',
    'patches/0001-tcp-restrict-filters.patch',
  ]);
});

test('refuses every proper beginning of an archive as truncated', () => {
  for (let length = 1; length < good.length; length++) {
    assert.equal(refusal(good.subarray(0, length)), 'update-truncated', `${length} bytes`);
  }
});

test('refuses files that never were updates', () => {
  for (const content of ['', '--- a/fix.c\n+++ b/fix.c\n', '\x7fELF', '\x1f\x8b\x08']) {
    assert.equal(refusal(Buffer.from(content, 'latin1')), 'not-an-update');
  }
});

test('refuses an archive in which any one bit is flipped', () => {
  const bit = fc.tuple(fc.nat(good.length - 1), fc.nat(7));
  fc.assert(
    fc.property(bit, ([at, shift]) => {
      const changed = Buffer.from(good);
      changed[at] = (changed[at] ?? 0) ^ (1 << shift);
      assert.notEqual(refusal(changed), 'accepted');
    }),
    { numRuns: 3000, seed: 1 },
  );
});

test('refuses an archive with a piece cut out, doubled, overwritten or appended', () => {
  const piece = fc.tuple(fc.nat(good.length), fc.nat(1200), fc.uint8Array({ maxLength: 600 }));
  fc.assert(
    fc.property(piece, ([at, length, inserted]) => {
      const changed = Buffer.concat([good.subarray(0, at), inserted, good.subarray(at + length)]);
      fc.pre(Buffer.compare(changed, good) !== 0);
      assert.notEqual(refusal(changed), 'accepted');
    }),
    { numRuns: 3000, seed: 2 },
  );
});

test('refuses arbitrary contents behind a right beginning', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 4096 }), (tail) => {
      assert.notEqual(refusal(Buffer.concat([good.subarray(0, 512), tail])), 'accepted');
    }),
    { numRuns: 1000, seed: 3 },
  );
});

test('refuses a newer format and says to update resplice, without looking at the rest', () => {
  const bytes = archive([
    ['resplice.json', Buffer.from('{"format":2,"manifests":["new"],"signatures":[]}')],
    ['something-new', Buffer.from('x')],
  ]);
  assert.throws(
    () => parseUpdate(bytes, 'x.splice'),
    (error) =>
      error instanceof InputError &&
      error.code === 'update-format-newer' &&
      /update resplice$/.test(error.message),
  );
});

test('refuses a file that the manifest does not list', () => {
  const text = encodeCanonicalJson(sample.manifest);
  assert.equal(refusal(withManifest(text, [['module/other.ko', Buffer.from('x')]])), 'update-unlisted-file');
});

test('refuses an altered payload and a missing one', () => {
  const text = encodeCanonicalJson(sample.manifest);
  const path = sample.manifest.module.file;
  assert.equal(refusal(withManifest(text, [[path, Buffer.from('other')]])), 'update-altered');
  const envelope = encodeCanonicalJson({ format: 1, manifest: hashContent(text) });
  const bytes = archive([
    ['resplice.json', envelope],
    ['manifest.json', text],
  ]);
  assert.equal(refusal(bytes), 'update-missing-file');
});

test('refuses a manifest whose hash is not the one in the envelope', () => {
  const envelope = encodeCanonicalJson({ format: 1, manifest: '0'.repeat(64) });
  const text = encodeCanonicalJson(sample.manifest);
  const bytes = archive([['resplice.json', envelope], ['manifest.json', text], ...sample.files]);
  assert.equal(refusal(bytes), 'update-altered');
});

test('refuses the same manifest in another spelling', () => {
  assert.equal(
    refusal(withManifest(Buffer.from(JSON.stringify(sample.manifest, null, 1)))),
    'update-altered',
  );
});

test('refuses a manifest with an unknown field, even one named __proto__', () => {
  const text = JSON.stringify(sample.manifest);
  for (const key of ['extra', '__proto__']) {
    const changed = Buffer.from(text.replace('{', `{"${key}":{},`));
    assert.notEqual(refusal(withManifest(changed)), 'accepted', key);
  }
});

test('refuses a manifest that is not JSON or nested without end', () => {
  assert.equal(refusal(withManifest(Buffer.from('{"format":1'))), 'update-manifest-invalid');
  assert.equal(refusal(withManifest(Buffer.from('['.repeat(1_000_000)))), 'update-manifest-invalid');
});

test('refuses code that is not as long as the function, and a site beyond its end', () => {
  const [object] = sample.manifest.objects;
  const patched = object?.functions[0];
  assert.ok(object !== undefined && patched !== undefined);
  const changes = [{ size: 7 }, { sites: [{ at: 5, length: 2, kind: 'abs32' as const }] }];
  for (const change of changes) {
    const manifest: Manifest = {
      ...sample.manifest,
      objects: [{ ...object, functions: [{ ...patched, ...change }] }],
    };
    assert.equal(refusal(withManifest(encodeCanonicalJson(manifest))), 'update-manifest-invalid');
    assert.throws(() => encodeUpdate({ ...sample, manifest }), InternalError);
  }
});

test('refuses paths that leave the archive, are hidden, or are listed out of place', () => {
  for (const path of [
    '../up',
    '/etc/passwd',
    'module/../../x',
    './x',
    'module//x',
    '.hidden',
    'a/.b',
    'a b',
    'ä',
  ]) {
    assert.equal(
      refusal(
        archive([
          ['resplice.json', Buffer.from('{"format":1}')],
          [path, Buffer.from('')],
        ]),
      ),
      'update-unsafe-path',
      path,
    );
  }
  const module = { ...sample.manifest.module, file: 'module/../x.ko' };
  assert.equal(
    refusal(withManifest(encodeCanonicalJson({ ...sample.manifest, module }))),
    'update-manifest-invalid',
  );
});

test('refuses entries that are not regular files', () => {
  for (const type of ['SymbolicLink', 'Link', 'Directory', 'CharacterDevice', 'ExtendedHeader'] as const) {
    const block = Buffer.alloc(512);
    new Header({ path: 'manifest.json', size: 0, type, linkpath: '/etc', mtime: new Date(0) }).encode(
      block,
      0,
    );
    const bytes = Buffer.concat([archive([['resplice.json', Buffer.from('{}')]]).subarray(0, 1024), block]);
    assert.equal(refusal(Buffer.concat([bytes, Buffer.alloc(1024)])), 'update-altered', type);
  }
});

test('refuses a size that reaches beyond the file, without allocating it', () => {
  const block = Buffer.alloc(512);
  new Header({ path: 'resplice.json', size: 8 ** 11 - 1, type: 'File', mtime: new Date(0) }).encode(block, 0);
  assert.equal(refusal(Buffer.concat([block, Buffer.alloc(1024)])), 'update-truncated');
});

test('refuses more than the largest size', () => {
  assert.equal(refusal(new Uint8Array(MAX_UPDATE_SIZE + 1)), 'update-too-large');
});

test('does not write an update whose files are not those of its manifest', () => {
  assert.throws(() => encodeUpdate({ ...sample, files: new Map() }), InternalError);
  const files = new Map([...sample.files, ['module/other.ko', Buffer.from('x')] as const]);
  assert.throws(() => encodeUpdate({ ...sample, files }), /module\/other\.ko/);
});

test('errors about damage are trust errors', () => {
  assert.throws(() => parseUpdate(good.subarray(0, 700), 'x.splice'), TrustError);
});
