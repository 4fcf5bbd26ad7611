import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SITE_KINDS, siteInstructionLength } from '../../src/kernel/rewrite-table.js';
import { SiteCollector } from '../../src/kernel/site-table.js';

describe('SiteTable', () => {
  it('finds exactly the sites that overlap a range, in address order', () => {
    const site = fc.record({
      offset: fc.nat(2000),
      length: fc.integer({ min: 1, max: 255 }),
      kind: fc.constantFrom(...SITE_KINDS),
    });
    fc.assert(
      fc.property(fc.array(site, { maxLength: 50 }), fc.nat(2000), fc.nat(300), (sites, start, size) => {
        const base = 0xffffffff81000000n;
        const collector = new SiteCollector(base);
        for (const { offset, length, kind } of sites) collector.add(offset, length, kind);
        const found = collector.finish().in(base + BigInt(start), size);
        const expected = sites
          .filter(({ offset, length }) => offset < start + size && offset + length > start)
          .map(({ offset, length, kind }) => ({ address: base + BigInt(offset), length, kind }));
        const text = (list: readonly object[]): string[] =>
          list.map((entry) => Object.values(entry).map(String).join(' ')).sort();
        assert.deepEqual(text(found), text(expected));
        assert.ok(found.every((entry, i) => i === 0 || entry.address >= (found[i - 1]?.address ?? 0n)));
      }),
      { seed: 4, numRuns: 500 },
    );
  });
});

describe('siteInstructionLength', () => {
  const cases: readonly (readonly [string, string, number | undefined])[] = [
    ['call', 'e800000000', 5],
    ['jmp', 'e900000000', 5],
    ['short jmp', 'eb05', 2],
    ['conditional jump', '0f8400000000', 6],
    ['call with cs prefix', '2ee800000000', 6],
    ['jmp with cs prefix', '2ee900000000', 6],
    ['conditional jump with cs prefix', '2e0f8500000000', 7],
    ['five-byte no-op', '0f1f440000', 5],
    ['two-byte no-op', '6690', 2],
    ['static call that returns 0', '2e2e2e31c0', 5],
    ['ret', 'c3', undefined],
    ['mov', '4889e5', undefined],
    ['setcc', '0f94c0', undefined],
    ['nothing', '', undefined],
  ];
  for (const [name, hex, length] of cases) {
    it(`knows ${name} as ${length ?? 'none of its own'}`, () => {
      assert.equal(siteInstructionLength(Buffer.from(hex, 'hex')), length);
    });
  }
});
