import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InputError } from '@resplice/report';
import fc from 'fast-check';
import { parseKallsyms } from '../../src/kernel/kallsyms.js';
import { parseKernelImage } from '../../src/kernel/kernel-image.js';
import type { SymbolTable } from '../../src/kernel/symbol-table.js';
import { BASE, encodeKernel, type KallsymsOptions, sampleSymbols, type TableOrder } from './image-fixture.js';

const ORDERS: readonly TableOrder[] = ['before-6.4', 'since-6.4', 'without-sequence'];
const SYMBOLS = sampleSymbols();

function parse(options: KallsymsOptions, symbols = SYMBOLS): SymbolTable {
  return parseKallsyms(parseKernelImage(encodeKernel(symbols, options), 'vmlinux'));
}

describe('kallsyms', () => {
  for (const order of ORDERS) {
    it(`gives every symbol as it was written, tables ${order}`, () => {
      const expected = SYMBOLS.map((symbol, index) => ({ ...symbol, index }));
      assert.deepEqual([...parse({ order })], expected);
    });
  }

  it('reads unsigned offsets of kernels without absolute per-CPU symbols', () => {
    const symbols = SYMBOLS.slice(2);
    const table = parse({ order: 'since-6.4', absolutePercpu: false }, symbols);
    assert.deepEqual(
      [...table].map((symbol) => symbol.address),
      symbols.map((symbol) => symbol.address),
    );
  });

  it('numbers symbols of one name by address, and a unique one with 0', () => {
    const table = parse({ order: 'since-6.4' });
    const shows = table.byName('state_show');
    assert.equal(shows.length, 3);
    assert.deepEqual(
      shows.map((symbol) => table.position(symbol)),
      [1, 2, 3],
    );
    assert.ok(shows.every((symbol, i) => i === 0 || symbol.address > (shows[i - 1]?.address ?? 0n)));
    assert.deepEqual(
      table.byName('function_1').map((symbol) => table.position(symbol)),
      [0],
    );
    assert.deepEqual(table.byName('function_9999'), []);
  });

  it('finds symbols by address, aliases and the nearest before', () => {
    const table = parse({ order: 'before-6.4' });
    assert.deepEqual(
      table.at(BASE).map((symbol) => symbol.name),
      ['function_0', 'function_1'],
    );
    assert.equal(
      table.covering(BASE + 1n)?.name,
      'function_0',
      'the first of two aliases, as the kernel prints it',
    );
    assert.equal(table.covering(0x1fn)?.name, '__per_cpu_start');
    assert.deepEqual(table.at(BASE + 1n), []);
    const [first] = table.at(BASE);
    assert.ok(first);
    assert.equal(table.extent(first), 4);
  });

  it('refuses an order of equal names that is not by address', () => {
    const rank = (i: number): string => SYMBOLS[i]?.name ?? '';
    const backwards = [...SYMBOLS.keys()].sort((a, b) =>
      rank(a) < rank(b) ? -1 : rank(a) > rank(b) ? 1 : b - a,
    );
    assert.throws(() => parse({ order: 'since-6.4', sequence: backwards }), { code: 'kallsyms-order' });
  });

  it('refuses images without the tables, or with symbols out of address order', () => {
    assert.throws(() => parse({ order: 'since-6.4' }, SYMBOLS.slice(0, 5)), { code: 'kallsyms-not-found' });
    const swapped = [
      ...SYMBOLS.slice(0, 10),
      ...SYMBOLS.slice(20, 30),
      ...SYMBOLS.slice(10, 20),
      ...SYMBOLS.slice(30),
    ];
    assert.throws(() => parse({ order: 'since-6.4' }, swapped), { code: 'kallsyms-not-found' });
  });

  it('ends with a named error or a result on any mutated image', () => {
    const images = ORDERS.map((order) => encodeKernel(SYMBOLS, { order }));
    const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    fc.assert(
      fc.property(
        fc.constantFrom(...images),
        fc.array(change, { minLength: 1, maxLength: 8 }),
        (image, changes) => {
          const mutated = image.slice();
          for (const [at, value] of changes) mutated[at % mutated.length] = value;
          try {
            assert.equal(parseKallsyms(parseKernelImage(mutated, 'vmlinux')).size, SYMBOLS.length);
          } catch (error) {
            assert.ok(error instanceof InputError, String(error));
          }
        },
      ),
      { seed: 3, numRuns: 300 },
    );
  });
});
