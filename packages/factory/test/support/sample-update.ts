// A small valid update.

import { hashContent, Manifest, type Update } from '@resplice/update';

const MODULE = Buffer.from('\x7fELF the module');
const PATCH = Buffer.from('--- a/net/core/sock.c\n+++ b/net/core/sock.c\n');

export function sampleUpdate(change: Partial<Manifest> = {}): Update {
  const manifest = Manifest.parse({
    format: 1,
    id: 'sample_1',
    description: 'restricts socket filters',
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
    patches: [
      { file: 'patches/0001-tcp.patch', sha256: hashContent(PATCH), subject: 'tcp: restrict filters' },
    ],
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
            position: 2,
            address: '0xffffffff81a3b2c0',
            size: 6,
            code: Buffer.from([0x0f, 0x1f, 0x44, 0, 0, 0xc3]).toString('base64'),
            sites: [{ at: 0, length: 5, kind: 'fentry' }],
            source: 'net/core/sock.c',
            replacement: 'sk_attach_filter',
            newSize: 12,
            newCode: '1'.repeat(64),
            firstDifference: { offsetBefore: 5, offsetAfter: 5, before: 'ret', after: 'mov edi, 0xc' },
            jump: null,
            coexists: false,
          },
        ],
        added: [{ name: 'check_filter', kind: 'function', size: 32, addressTaken: false }],
      },
    ],
    custom: { hooks: [], shadow: [], ignored: [], handled: [] },
    trampoline: null,
    notBuilt: ['drivers/net/absent.o'],
    tools: { resplice: '0.1.0', compiler: 'gcc-12 12.2.0', compilerOverride: null },
    ...change,
  });
  return {
    manifest,
    files: new Map([
      [manifest.module.file, MODULE],
      ['patches/0001-tcp.patch', PATCH],
    ]),
  };
}
