// Small updates that are valid in every part, for tests to encode, change, damage and print; those of other packages have them as
// `@resplice/update/sample`.

import { hashContent, Manifest, type Update } from '../src/index.js';

const MODULE = Buffer.from('\x7fELF the module');
const PATCH = Buffer.from('--- a/net/core/sock.c\n+++ b/net/core/sock.c\n');
const SUBJECT = 'tcp: restrict filters';
const PATCH_FILE = 'patches/0001-tcp-restrict-filters.patch';

export function sampleUpdate(change: Partial<Manifest> = {}): Update {
  const manifest = Manifest.parse({
    format: 1,
    id: 'sample_1',
    description: 'a sample — with a dash',
    cves: ['CVE-2026-53236'],
    kernel: {
      release: '6.1.0-47-amd64',
      version: '6.1.170-3',
      architecture: 'x86_64',
      buildId: 'ab'.repeat(20),
    },
    engine: 'livepatch',
    engineReason: 'every function can be redirected by it',
    requires: [],
    patches: [{ file: PATCH_FILE, sha256: hashContent(PATCH), subject: SUBJECT }],
    module: {
      file: 'module/resplice_sample_1.ko',
      name: 'resplice_sample_1',
      sha256: hashContent(MODULE),
      signed: false,
    },
    objects: [
      {
        name: 'vmlinux',
        buildId: null,
        reloadable: true,
        exit: null,
        sources: ['net/core/sock.c'],
        data: [],
        functions: [
          {
            name: 'sk_attach_filter',
            position: 0,
            address: '0xffffffff81a3b2c0',
            size: 6,
            code: Buffer.from([0x0f, 0x1f, 0x44, 0, 0, 0xc3]).toString('base64'),
            sites: [{ at: 0, length: 5, kind: 'fentry' }],
            source: 'net/core/sock.c',
            replacement: 'sk_attach_filter',
            newSize: 12,
            newCode: '1'.repeat(64),
            firstDifference: null,
            jump: null,
            coexists: false,
          },
        ],
        added: [],
      },
    ],
    custom: { hooks: [], shadow: [], ignored: [], handled: [] },
    trampoline: null,
    notBuilt: [],
    tools: { resplice: '0.1.0', compiler: 'gcc-12 12.2.0-14+deb12u1', compilerOverride: null },
    ...change,
  });
  return {
    manifest,
    files: new Map([
      [manifest.module.file, MODULE],
      [PATCH_FILE, PATCH],
    ]),
  };
}

const TOLD_PATCH = 'patches/0001-tcp.patch';

/** One with something to say everywhere: what differs first, what is new, what was not built. */
export function tellingUpdate(change: Partial<Manifest> = {}): Update {
  const { manifest } = sampleUpdate();
  const told = sampleUpdate({
    description: 'restricts socket filters',
    patches: [{ file: TOLD_PATCH, sha256: hashContent(PATCH), subject: SUBJECT }],
    objects: manifest.objects.map((object) => ({
      ...object,
      functions: object.functions.map((each) => ({
        ...each,
        position: 2,
        firstDifference: { offsetBefore: 5, offsetAfter: 5, before: 'ret', after: 'mov edi, 0xc' },
      })),
      added: [{ name: 'check_filter', kind: 'function', size: 32, addressTaken: false }],
    })),
    notBuilt: ['drivers/net/absent.o'],
    tools: { ...manifest.tools, compiler: 'gcc-12 12.2.0' },
    ...change,
  });
  return {
    ...told,
    files: new Map([
      [told.manifest.module.file, MODULE],
      [TOLD_PATCH, PATCH],
    ]),
  };
}
