import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { InputError } from '@resplice/report';
import fc from 'fast-check';
import * as layouts from '../../src/btf/btf.layout.js';
import {
  BTF_KIND,
  type Btf,
  findEnum,
  findStruct,
  layoutOf,
  parseBtf,
  requireMember,
  requireStruct,
} from '../../src/btf/index.js';
import { ByteWriter } from '../../src/bytes/index.js';
import { assertSameAsGcc } from '../bytes/gcc-measure.js';

const SOURCE = `
#include <stddef.h>
#include <stdio.h>
typedef unsigned int u32;
enum colour { RED = -1, GREEN = 7 };
struct inner { short a; char b[3]; };
struct sample {
  char tag;
  const volatile u32 count;
  union { struct { u32 low, high; }; unsigned long both; };
  struct inner grid[2][3];
  unsigned bits : 5, more : 11;
  void (*hook)(int);
  enum colour colour;
};
struct sample instance;
enum colour shade;
int main(void) {
  printf("%zu %zu %zu %zu %zu %zu %zu", sizeof(struct sample), offsetof(struct sample, count), offsetof(struct sample, high),
    offsetof(struct sample, both), offsetof(struct sample, grid), offsetof(struct sample, hook), sizeof(instance.grid));
}
`;

function compile(): { readonly blob: Uint8Array; readonly measured: readonly number[] } {
  const folder = mkdtempSync(join(tmpdir(), 'btf-'));
  try {
    const [c, o, exe, btf] = ['a.c', 'a.o', 'a', 'a.btf'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
      string,
    ];
    writeFileSync(c, SOURCE);
    execFileSync('gcc-12', ['-gbtf', '-c', '-o', o, c]);
    execFileSync('objcopy', ['--dump-section', `.BTF=${btf}`, o, join(folder, 'copy.o')]);
    execFileSync('gcc-12', ['-o', exe, c]);
    const measured = execFileSync(exe, { encoding: 'utf8' }).split(' ').map(Number);
    return { blob: readFileSync(btf), measured };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A blob of hand-made types, each `[name, info, sizeOrType, ...trailer words]`; names are offsets into `strings`. */
function handMade(types: readonly (readonly number[])[], strings = '\0name\0'): Uint8Array {
  const words = types.flat();
  const w = new ByteWriter().u16(0xeb9f).u8(1).u8(0).u32(24);
  w.u32(0)
    .u32(words.length * 4)
    .u32(words.length * 4)
    .u32(strings.length);
  for (const word of words) w.u32(word);
  return w.bytes(new TextEncoder().encode(strings)).finish();
}

const info = (kind: number, count = 0): number => ((kind << 24) | count) >>> 0;
const load = (blob: Uint8Array): Btf => parseBtf(blob, { file: 'a.o', section: '.BTF' });

describe('BTF', () => {
  let blob = new Uint8Array();
  let measured: readonly number[] = [];
  before(() => {
    const compiled = compile();
    blob = new Uint8Array(compiled.blob);
    measured = compiled.measured;
  });

  it('gives the sizes and offsets that gcc gives, also inside anonymous members', () => {
    const layout = requireStruct(load(blob), 'sample');
    const at = (name: string): number => requireMember(layout, name).offset;
    assert.deepEqual(
      [
        layout.size,
        at('count'),
        at('high'),
        at('both'),
        at('grid'),
        at('hook'),
        requireMember(layout, 'grid').size,
      ],
      measured,
    );
    const more = layout.members.find((member) => member.name === 'more');
    assert.equal(more?.sizeBits, 11);
    assert.throws(() => requireMember(layout, 'more'), { code: 'struct-member-is-bitfield' });
  });

  it('has structure descriptors that agree with linux/btf.h', () => {
    const { btf_header, btf_type, btf_array, btf_member, btf_enum, btf_enum64, btf_param, btf_var } = layouts;
    const { btf_var_secinfo, btf_decl_tag } = layouts;
    const all = [btf_header, btf_type, btf_array, btf_member, btf_enum, btf_param, btf_var, btf_var_secinfo];
    assertSameAsGcc('linux/btf.h', [...all, btf_enum64, btf_decl_tag], {
      prefix: 'struct ',
      spelling: new Map([['size_or_type', 'size']]),
    });
  });

  it('gives signed enum values', () => {
    // gcc 12 does not set the flag that says "signed", pahole does.
    const values = findEnum(load(blob), 'colour');
    assert.deepEqual([...(values?.keys() ?? [])], ['RED', 'GREEN']);
    assert.equal(BigInt.asIntN(32, values?.get('RED') ?? 0n), -1n);
    const signed = handMade([[1, (info(BTF_KIND.ENUM, 1) | 0x80000000) >>> 0, 4, 1, 0xffffffff]]);
    assert.equal(findEnum(load(signed), 'name')?.get('name'), -1n);
    const wide = handMade([[1, info(BTF_KIND.ENUM64, 1), 8, 1, 2, 1]]);
    assert.equal(findEnum(load(wide), 'name')?.get('name'), 0x1_0000_0002n);
  });

  it('knows nothing of structures that are not there', () => {
    assert.equal(findStruct(load(blob), 'absent'), undefined);
    assert.equal(findStruct(load(blob), 'colour'), undefined, 'an enum is no struct');
    assert.throws(() => requireStruct(load(blob), 'absent'), { code: 'struct-missing' });
    assert.throws(() => requireMember(requireStruct(load(blob), 'inner'), 'c'), {
      code: 'struct-member-missing',
    });
  });

  it('refuses two different structures of one name, and takes two equal ones', () => {
    const one = [1, info(BTF_KIND.STRUCT), 4];
    assert.equal(findStruct(load(handMade([one, one])), 'name')?.size, 4);
    const other = [1, info(BTF_KIND.STRUCT), 8];
    assert.throws(() => findStruct(load(handMade([one, other])), 'name'), { code: 'struct-ambiguous' });
  });

  it('refuses loops of modifiers, arrays and anonymous members', () => {
    const loop = load(
      handMade([
        [0, info(BTF_KIND.CONST), 2],
        [0, info(BTF_KIND.TYPEDEF), 1],
      ]),
    );
    assert.throws(() => loop.resolve(1), { code: 'btf-type-loop' });
    const array = load(handMade([[0, info(BTF_KIND.ARRAY), 0, 1, 1, 2]]));
    assert.throws(() => array.sizeOf(1), { code: 'btf-type-loop' });
    const self = load(handMade([[1, info(BTF_KIND.STRUCT, 2), 8, 0, 1, 0, 0, 1, 0]]));
    assert.throws(() => layoutOf(self, 1), { code: 'btf-type-loop' });
  });

  it('refuses ids out of range, kinds unknown and data that ends too early', () => {
    assert.throws(() => load(handMade([[0, info(BTF_KIND.CONST), 7]])).sizeOf(1), {
      code: 'btf-type-out-of-range',
    });
    assert.throws(() => load(handMade([[0, info(25), 7]])), { code: 'btf-kind-unknown' });
    assert.throws(() => load(handMade([[0, info(BTF_KIND.STRUCT, 9), 7]])), { code: 'truncated' });
    assert.throws(() => load(handMade([[0, info(BTF_KIND.FWD), 0]])).sizeOf(1), {
      code: 'btf-type-without-size',
    });
    assert.throws(() => load(blob.subarray(0, blob.length - 1)), { code: 'truncated' });
    assert.throws(() => load(new Uint8Array(24)), { code: 'not-btf' });
  });

  it('ends with a named error or a result on any mutated blob', () => {
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => {
        const mutated = blob.slice();
        for (const [at, value] of changes) mutated[at % mutated.length] = value;
        try {
          const btf = load(mutated);
          for (const name of ['sample', 'inner']) findStruct(btf, name);
          findEnum(btf, 'colour');
          for (let id = 0; id < btf.typeCount; id++) {
            try {
              btf.sizeOf(id);
            } catch (error) {
              assert.ok(error instanceof InputError, String(error));
            }
          }
        } catch (error) {
          assert.ok(error instanceof InputError, String(error));
        }
      }),
      { seed: 2, numRuns: 1000 },
    );
  });
});
