import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '@resplice/report';
import fc from 'fast-check';
import { parseSymbolList } from '../../src/kernel/symbol-list.js';

const KALLSYMS = 'ffffffff81000000 T start\nffffffff81000010 t helper\nffffffffc0000000 w weak\t[dummy]\n';
const SYMVERS =
  '0x12345678\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n0x12345678\tstep\tdrivers/a-b\tEXPORT_SYMBOL_GPL\t\n';

test('reads all symbols of a kernel with their owners', () => {
  const { kind, symbols, owners } = parseSymbolList(KALLSYMS, 'kallsyms');
  assert.equal(kind, 'all');
  assert.deepEqual(symbols.get('helper'), [{ owner: 'vmlinux', isGlobal: false }]);
  assert.deepEqual(symbols.get('weak'), [{ owner: 'dummy', isGlobal: true }]);
  assert.deepEqual([...owners], ['vmlinux', 'dummy']);
});

test('reads exports, modules spelt as the kernel spells them', () => {
  const { kind, symbols } = parseSymbolList(SYMVERS, 'Module.symvers');
  assert.equal(kind, 'exports');
  assert.deepEqual(symbols.get('step'), [{ owner: 'a_b', isGlobal: true }]);
});

test('names file and line of what is no symbol', () => {
  assert.throws(() => parseSymbolList(`${KALLSYMS}oops\n`, 'map'), /map:4: expected address/);
  assert.throws(() => parseSymbolList('', 'map'), InputError);
});

test('reads any damaged list or says what is wrong', () => {
  const edit = fc.tuple(fc.nat(KALLSYMS.length), fc.nat(8), fc.string({ maxLength: 8 }));
  fc.assert(
    fc.property(fc.constantFrom(KALLSYMS, SYMVERS), edit, (text, [at, length, insert]) => {
      try {
        parseSymbolList(text.slice(0, at) + insert + text.slice(at + length), 'map');
      } catch (error) {
        assert.ok(error instanceof InputError, String(error));
      }
    }),
    { seed: 7, numRuns: 500 },
  );
});
