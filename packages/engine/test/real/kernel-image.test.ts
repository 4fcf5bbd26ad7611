// What must be true of any kernel that Debian ships. RESPLICE_TEST_VMLINUX names a decompressed payload (`xz -dc` or `zstd -dc` of
// what locatePayload finds in a vmlinuz). Each check compares two independent things in the image: a table with the code it
// points at, a symbol with the bytes at its address.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, it } from 'node:test';
import { requireMember, requireStruct } from '../../src/btf/index.js';
import { parseImageSites, requireBtf } from '../../src/kernel/image-sites.js';
import { parseKallsyms } from '../../src/kernel/kallsyms.js';
import {
  findSection,
  imageBytes,
  type KernelImage,
  parseKernelImage,
} from '../../src/kernel/kernel-image.js';
import type { SiteKind } from '../../src/kernel/rewrite-table.js';
import type { CodeSite, SiteTable } from '../../src/kernel/site-table.js';
import type { SymbolTable } from '../../src/kernel/symbol-table.js';

interface Kernel {
  readonly image: KernelImage;
  readonly symbols: SymbolTable;
  readonly sites: SiteTable;
}

function load(): Kernel {
  const path = process.env.RESPLICE_TEST_VMLINUX;
  assert.ok(path, 'set RESPLICE_TEST_VMLINUX to a decompressed kernel payload');
  const image = parseKernelImage(readFileSync(path), path);
  const symbols = parseKallsyms(image);
  return { image, symbols, sites: parseImageSites(image, symbols) };
}

describe('a kernel as Debian ships it', () => {
  let kernel: Kernel;
  before(() => {
    kernel = load();
  });

  const addressOf = (name: string): bigint => {
    const [symbol, ...others] = kernel.symbols.byName(name);
    assert.ok(symbol !== undefined && others.length === 0, `one symbol ${name}`);
    return symbol.address;
  };
  const section = (name: string) => {
    const found = findSection(kernel.image, name);
    assert.ok(found, name);
    return found;
  };
  const sitesOf = (kind: SiteKind): readonly CodeSite[] => {
    const text = section('.text');
    return kernel.sites.in(text.address, text.size).filter((site) => site.kind === kind);
  };
  /** Where a site's rel32 branch leads. */
  const targetOf = (site: CodeSite): bigint => {
    const bytes = imageBytes(kernel.image, site.address, site.length);
    const rel = Buffer.from(bytes).readInt32LE(site.length - 4);
    return site.address + BigInt(site.length + rel);
  };
  const firstByte = (site: CodeSite): number | undefined => imageBytes(kernel.image, site.address, 1)[0];

  it('has its banner, its text and its build id where the symbols say', () => {
    const { image } = kernel;
    const banner = Buffer.from(imageBytes(image, addressOf('linux_banner'), image.version.length + 2));
    assert.equal(banner.toString('latin1'), `${image.version}\n\0`);
    assert.equal(addressOf('_text'), section('.text').address);
    assert.match(image.buildId, /^[0-9a-f]{40}$/);
    assert.match(image.release, /^\d+\.\d+.*-amd64$/);
    assert.ok(image.version.includes(` ${image.release} `));
  });

  it('has as many symbols as a kernel has, and every code symbol in a code section', () => {
    const { image, symbols } = kernel;
    assert.ok(symbols.size > 80_000);
    const sections = image.sections.filter((candidate) => candidate.executable);
    const code = [...symbols].filter(({ type }) => type === 't' || type === 'T');
    assert.ok(code.length > 40_000);
    const isInside = (address: bigint): boolean =>
      sections.some((range) => address >= range.address && address <= range.address + BigInt(range.size));
    assert.deepEqual(
      code.filter(({ address }) => !isInside(address)),
      [],
    );
  });

  it('has relocations inside its loaded segments, and each moved 64-bit value is an address of the kernel', () => {
    const { relocations } = kernel.image;
    const text = section('.text');
    for (const [name, list] of Object.entries({ ...relocations })) {
      assert.ok(list.length > 1000, name);
      assert.ok(
        list.every((low: number, i: number) => low >= 0x81000000 && low >= (list[i - 1] ?? 0)),
        name,
      );
    }
    const rodata = section('.rodata');
    const places = relocations.in(rodata.address, rodata.size).filter(({ kind }) => kind === 'abs64');
    assert.ok(places.length > 1000);
    for (const { address } of places) {
      const value = Buffer.from(imageBytes(kernel.image, address, 8)).readBigUInt64LE();
      assert.ok(value >= text.address && value < text.address + 0x40000000n, address.toString(16));
    }
  });

  it('rewrites only the instructions that the tables promise', () => {
    const fentry = addressOf('__fentry__');
    const returnThunk = addressOf('__x86_return_thunk');
    const nameAt = (site: CodeSite): string => kernel.symbols.covering(targetOf(site))?.name ?? '';
    const traced = sitesOf('fentry');
    assert.ok(traced.length > 10_000);
    assert.ok(traced.every((site) => firstByte(site) === 0xe8 && targetOf(site) === fentry));
    const returns = sitesOf('return-thunk');
    assert.ok(returns.length > 10_000);
    assert.ok(returns.every((site) => targetOf(site) === returnThunk));
    const retpolines = sitesOf('retpoline');
    assert.ok(retpolines.length > 1000);
    assert.deepEqual(
      [...new Set(retpolines.map(nameAt))].filter((name) => !name.startsWith('__x86_indirect_thunk_')),
      [],
    );
    const calls = sitesOf('static-call').filter((site) => firstByte(site) === 0xe8);
    assert.ok(calls.length > 1000);
    assert.deepEqual(
      [...new Set(calls.map(nameAt))].filter((name) => !name.startsWith('__SCT__')),
      [],
    );
    const locks = sitesOf('smp-lock');
    assert.ok(locks.length > 1000 && locks.every((site) => firstByte(site) === 0xf0));
    assert.ok(sitesOf('alternative').length > 1000);
    assert.ok(sitesOf('jump-label').length > 1000);
    assert.ok(sitesOf('endbr').every((site) => firstByte(site) === 0xf3));
  });

  it('describes the structures that updates are made of', () => {
    const btf = requireBtf(kernel.image);
    const members = {
      module: ['state', 'name', 'init'],
      klp_patch: ['mod', 'objs'],
      klp_object: ['name', 'funcs'],
      klp_func: ['old_name', 'new_func', 'old_sympos'],
      alt_instr: ['instr_offset', 'repl_offset', 'instrlen', 'replacementlen'],
      bug_entry: ['bug_addr_disp', 'flags'],
      exception_table_entry: ['insn', 'fixup'],
      jump_entry: ['code', 'target', 'key'],
      static_call_site: ['addr', 'key'],
      _ddebug: ['modname', 'function', 'filename', 'format'],
      modversion_info: ['crc', 'name'],
      kernel_symbol: ['value_offset', 'name_offset'],
    };
    for (const [name, wanted] of Object.entries(members)) {
      const layout = requireStruct(btf, name);
      for (const member of wanted) assert.ok(requireMember(layout, member).size > 0, `${name}.${member}`);
    }
  });
});
