import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { InputError } from '@resplice/report';
import fc from 'fast-check';
import { parseBtf } from '../../src/btf/index.js';
import { parseObject } from '../../src/elf/object.js';
import { parseImageSites } from '../../src/kernel/image-sites.js';
import { parseKernelImage } from '../../src/kernel/kernel-image.js';
import { parseModuleSites } from '../../src/kernel/module-sites.js';
import type { CodeSite, SiteTable } from '../../src/kernel/site-table.js';
import { SymbolTable } from '../../src/kernel/symbol-table.js';

/** The structures of the tables, as two kernels might have them; they differ on purpose. */
const STRUCTS = `
typedef int s32;
typedef unsigned short u16;
typedef unsigned char u8;
struct alt_instr { s32 instr_offset; s32 repl_offset; union { struct { u16 cpuid, flags; }; unsigned ft_flags; }; u8 instrlen, replacementlen; }
  __attribute__((packed)) alternative;
struct paravirt_patch_site { u8 *instr; u8 type; u8 len; } paravirt;
struct jump_entry { s32 code; s32 target; long key; } jump;
struct static_call_site { s32 addr; s32 key; } call;
`;

/** One function with a site of each kind, and the tables that name them, in the form the kernel's assembly has. */
const CODE = `
  .section .text, "ax"
  .globl function
function:
  .byte 0xf3, 0x0f, 0x1e, 0xfa        # +0 endbr64
mcount: .byte 0xe8, 0, 0, 0, 0        # +4 call
alt: nop; nop; nop                    # +9
lock: .byte 0xf0, 0x0f, 0xc1, 0x07    # +12
jump: .byte 0x66, 0x90                # +16
static: .byte 0xe9, 0, 0, 0, 0        # +18
retpoline: .byte 0x2e, 0xe8, 0, 0, 0, 0  # +23
paravirt: .byte 0xff, 0x14, 0x25, 0, 0, 0, 0  # +29
mov: .byte 0x48, 0xb8; .quad 0x0123456789abcdef  # +36
shift: .byte 0xc1, 0xe8, 0x0c         # +46
ret: .byte 0xe9, 0, 0, 0, 0           # +49
  .fill 64, 1, 0xcc
  .section .altinstructions, "a"
  .long alt - ., alt - ., 0
  .byte 3, 0
  .section .parainstructions, "a"
  .quad paravirt
  .byte 1, 7
  .balign 8
  .section .retpoline_sites, "a"
  .long retpoline - .
  .section .return_sites, "a"
  .long ret - .
  .section .call_sites, "a"
  .long mcount - .
  .section .ibt_endbr_seal, "a"
  .long function - .
  .section .smp_locks, "a"
  .long lock - .
  .section __jump_table, "aw"
  .long jump - ., jump - .
  .quad 0
  .section .static_call_sites, "aw"
  .long static - ., 0
  .section __mcount_loc, "a"
  .quad mcount
RUNTIME
  .section .rodata, "a"
  .asciz "Linux version 6.1.0 (a) (gcc) #1 SMP\\n"
  .section .notes, "a", @note
  .long 4, 4, 3
  .asciz "GNU"
  .long 1
`;

const RUNTIME = `
  .section runtime_ptr_table, "a"
  .long mov + 2 - .
  .section runtime_shift_table, "a"
  .long shift + 2 - .
`;

const LINK = `
SECTIONS {
  . = 0xffffffff81000000;
  .text : { *(.text) }
  .rodata : { *(.rodata) __start_calls = .; *(.static_call_sites) __stop_calls = .; }
  .notes : { *(.notes) }
  .BTF : { *(.BTF) }
  /DISCARD/ : { *(.comment) *(.note*) *(.data) *(.bss) *(.shstrtab) }
}
`;

const EXPECTED = [
  '+0:4:endbr',
  '+4:5:call-thunk',
  '+4:5:fentry',
  '+9:3:alternative',
  '+12:1:smp-lock',
  '+16:2:jump-label',
  '+18:5:static-call',
  '+23:6:retpoline',
  '+29:7:paravirt',
  '+49:5:return-thunk',
];

const format = (base: bigint, sites: readonly CodeSite[]): string[] =>
  sites.map((site) => `+${site.address - base}:${site.length}:${site.kind}`).sort(byOffset);
const byOffset = (a: string, b: string): number =>
  Number.parseInt(a, 10) - Number.parseInt(b, 10) || (a < b ? -1 : 1);

describe('rewrite tables', () => {
  let folder = '';
  let btf = new Uint8Array();

  const path = (name: string): string => join(folder, name);
  const run = (tool: string, ...parameters: readonly string[]): void => {
    execFileSync(tool, parameters, { cwd: folder, stdio: 'pipe' });
  };
  const assemble = (name: string, source: string): void => {
    writeFileSync(path(`${name}.s`), source);
    run('gcc-12', '-c', '-o', `${name}.o`, `${name}.s`);
  };
  const link = (source: string): Uint8Array => {
    assemble('kernel', source);
    writeFileSync(path('link.ld'), LINK);
    run(
      'objcopy',
      '--add-section',
      '.BTF=blob.btf',
      '--set-section-flags',
      '.BTF=alloc,readonly',
      'kernel.o',
    );
    run('ld', '-T', 'link.ld', '-o', 'vmlinux', 'kernel.o');
    run('strip', 'vmlinux');
    return readFileSync(path('vmlinux'));
  };
  const calls = (image: Uint8Array): SymbolTable => {
    const { sections } = parseKernelImage(image, 'vmlinux');
    const rodata = sections.find((section) => section.name === '.rodata');
    const end = (rodata?.address ?? 0n) + BigInt(rodata?.size ?? 0);
    return new SymbolTable({
      names: ['__start_static_call_sites', '__stop_static_call_sites'],
      addresses: BigUint64Array.of(end - 8n, end),
      types: Uint8Array.of(0x54, 0x54),
      byName: Uint32Array.of(0, 1),
    });
  };
  const sitesOf = (image: Uint8Array): SiteTable =>
    parseImageSites(parseKernelImage(image, 'vmlinux'), calls(image));

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'sites-'));
    writeFileSync(path('structs.c'), STRUCTS);
    run('gcc-12', '-gbtf', '-c', '-o', 'structs.o', 'structs.c');
    run('objcopy', '--dump-section', '.BTF=blob.btf', 'structs.o', 'ignored.o');
    btf = new Uint8Array(readFileSync(path('blob.btf')));
  });
  after(() => rmSync(folder, { recursive: true }));

  it('of an image give each site with its kind and length, also those between symbols', () => {
    const base = 0xffffffff81000000n;
    const sites = sitesOf(link(CODE.replace('RUNTIME', RUNTIME)));
    const expected = [...EXPECTED, '+38:8:runtime-const', '+48:1:runtime-const'].sort(byOffset);
    assert.deepEqual(format(base, sites.in(base, 100)), expected);
    assert.equal(sites.size, expected.length);
    assert.equal(sites.counts().get('runtime-const'), 2);
  });

  it('of a module are followed through relocations', () => {
    assemble('module', CODE.replace('RUNTIME', ''));
    const object = parseObject(new Uint8Array(readFileSync(path('module.o'))), 'module.o');
    const base = 0xffffffffc0000000n;
    const sites = parseModuleSites(object, parseBtf(btf, { file: 'vmlinux' }), () => base, base);
    assert.deepEqual(format(base, sites.in(base, 100)), EXPECTED);
  });

  it('of an image that point at data, or at other instructions than expected, are refused', () => {
    const image = (from: string, to: string): Uint8Array =>
      link(CODE.replace('RUNTIME', '').replace(from, to));
    const refused = { code: 'rewrite-table-malformed' };
    assert.throws(() => sitesOf(image('.long retpoline - .', '.long 0x1000000')), refused);
    assert.throws(() => sitesOf(image('.long retpoline - .', '.long paravirt - .')), refused);
    assert.throws(() => sitesOf(image('.byte 3, 0', '.byte 3')), refused);
  });

  it('of a module without a relocation, or with one to nowhere, are refused', () => {
    const parse = (from: string, to: string): SiteTable => {
      assemble('bad', CODE.replace('RUNTIME', '').replace(from, to));
      const object = parseObject(new Uint8Array(readFileSync(path('bad.o'))), 'bad.o');
      return parseModuleSites(object, parseBtf(btf, { file: 'vmlinux' }), () => 0n);
    };
    const refused = { code: 'rewrite-table-malformed' };
    assert.throws(() => parse('.quad mcount', '.quad 0'), refused);
    assert.throws(() => parse('.quad mcount', '.quad outside'), refused);
    assert.throws(() => parse('.quad mcount', '.quad mcount + 4096'), refused);
  });

  it('end with a named error or a result on any mutated image', () => {
    const image = link(CODE.replace('RUNTIME', RUNTIME));
    const symbols = calls(image);
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const mutated = image.slice();
        for (const [at, value] of changes) mutated[at % mutated.length] = value;
        try {
          parseImageSites(parseKernelImage(mutated, 'vmlinux'), symbols).in(0xffffffff81000000n, 100);
        } catch (error) {
          assert.ok(error instanceof InputError, String(error));
        }
      }),
      { seed: 5, numRuns: 1000 },
    );
  });

  it('end with a named error or a result on any mutated module', () => {
    assemble('module', CODE.replace('RUNTIME', ''));
    const module = new Uint8Array(readFileSync(path('module.o')));
    const types = parseBtf(btf, { file: 'vmlinux' });
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 8 }), (changes) => {
        const mutated = module.slice();
        for (const [at, value] of changes) mutated[at % mutated.length] = value;
        try {
          parseModuleSites(parseObject(mutated, 'module.o'), types, () => 0n).in(0n, 100);
        } catch (error) {
          assert.ok(error instanceof InputError, String(error));
        }
      }),
      { seed: 8, numRuns: 1000 },
    );
  });
});
