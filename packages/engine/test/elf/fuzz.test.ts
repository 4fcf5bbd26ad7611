// Objects with random damage: each is either refused by name or compared to a verdict, never anything else.

import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { InputError } from '@resplice/report';
import fc from 'fast-check';
import { diffObjects } from '../../src/diff/object-diff.js';
import { Elf64_Ehdr } from '../../src/elf/elf.layout.js';
import { type ObjectFile, parseObject } from '../../src/elf/object.js';
import { compileFixture } from '../diff/fixture.js';
import { LAYOUTS } from '../diff/layouts.js';

const FIXTURES = [
  'cold-parent.ok',
  'jump-label-new.ok',
  'alternative-call.ok',
  'debug-new.ok',
  'shared-section.ok',
];
const RUNS = 1500;

interface Sample {
  readonly pre: ObjectFile;
  readonly bytes: Uint8Array;
  /** Start and length of what damage does the most with: headers, symbols, relocations, and all. */
  readonly targets: readonly (readonly [start: number, length: number])[];
}

/** A place as a fraction of a target, and the byte written there. */
const damage = fc.record({
  target: fc.nat(3),
  place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)),
});

describe('a damaged object', () => {
  const samples: Sample[] = [];

  before(async () => {
    for (const name of FIXTURES) {
      const [pre, post] = await compileFixture(name);
      samples.push(sampleOf(parseObject(pre, 'pre.o'), post));
    }
  });

  it('is refused or gets a verdict', () => {
    let refused = 0;
    let judged = 0;
    fc.assert(
      fc.property(
        fc.nat(FIXTURES.length - 1),
        fc.array(damage, { minLength: 1, maxLength: 6 }),
        (index, damages) => {
          const sample = samples[index];
          assert.ok(sample);
          const bytes = sample.bytes.slice();
          for (const { target, place, value } of damages) {
            const [start, length] = sample.targets[target] ?? [0, bytes.length];
            bytes[start + Math.floor(place * length)] = value;
          }
          try {
            const diff = diffObjects('damaged.o', sample.pre, parseObject(bytes, 'damaged.o'), LAYOUTS);
            for (const { code } of diff.reasons) assert.match(code, /^[a-z-]+$/);
            judged++;
          } catch (error) {
            if (!(error instanceof InputError)) throw error;
            refused++;
          }
        },
      ),
      { seed: 20260, numRuns: RUNS },
    );
    assert.ok(refused > RUNS / 10 && judged > RUNS / 10, `${refused} refused, ${judged} judged`);
  });

  it('is refused when it is cut anywhere', () => {
    const [sample] = samples;
    assert.ok(sample);
    for (let length = 0; length < sample.bytes.length; length += 7)
      assert.throws(() => parseObject(sample.bytes.slice(0, length), 'cut.o'), InputError);
  });
});

function sampleOf(pre: ObjectFile, bytes: Uint8Array): Sample {
  const file = parseObject(bytes, 'post.o');
  const headers = Number(
    new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(Elf64_Ehdr.offsetOf('e_shoff'), true),
  );
  const symtab = file.sections.find(({ name }) => name === '.symtab');
  const relocations = file.sections.filter(({ name }) => name.startsWith('.rela'));
  const start = Math.min(...relocations.map(({ data }) => data.byteOffset - bytes.byteOffset));
  const end = Math.max(...relocations.map(({ data }) => data.byteOffset - bytes.byteOffset + data.length));
  assert.ok(symtab);
  return {
    pre,
    bytes,
    targets: [
      [headers, bytes.length - headers],
      [symtab.data.byteOffset - bytes.byteOffset, symtab.data.length],
      [start, end - start],
      [0, bytes.length],
    ],
  };
}
