import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { linkAbsolute } from '../../src/module/link-absolute.js';
import { compileText, inspect } from '../elf/compiler.js';
import { readSymbols } from '../elf/readelf.js';

const TEXT = 'extern int first(int), second(int); int own(int n) { return first(n) + second(n); }';

describe('the linker of the trampoline engine', () => {
  it('makes the named symbols absolute, as readelf reads it, and changes nothing else', async () => {
    const module = await compileText(TEXT);
    const linked = linkAbsolute(module, new Map([['first', 0xffffffff81234560n]]), 'x.ko');
    const symbols = new Map((await readSymbols(linked)).map((symbol) => [symbol.name, symbol]));
    assert.match(await inspect('readelf', ['-sW'], linked), /ffffffff81234560 .* ABS first\n/);
    assert.match(await inspect('readelf', ['-sW'], linked), / UND second\n/);
    assert.equal(symbols.size, new Map((await readSymbols(module)).map((each) => [each.name, each])).size);
    const differing = [...linked.keys()].filter((at) => linked[at] !== module[at]);
    assert.ok(differing.length <= 10, `${differing.length} bytes differ`);
  });

  it('takes an address above the middle of the range as the kernel prints it', async () => {
    const linked = linkAbsolute(
      await compileText(TEXT),
      new Map([['first', BigInt.asIntN(64, 0xffffffff81234560n)]]),
      'x.ko',
    );
    assert.match(await inspect('readelf', ['-sW'], linked), /ffffffff81234560 .* ABS first\n/);
  });

  it('refuses a symbol that the module does not leave undefined', async () => {
    const module = await compileText(TEXT);
    for (const name of ['own', 'third'])
      assert.throws(() => linkAbsolute(module, new Map([[name, 1n]]), 'x.ko'), {
        code: 'import-not-in-module',
      });
  });

  it('refuses what is no module', () => {
    assert.throws(() => linkAbsolute(new Uint8Array(10), new Map(), 'x.ko'), { code: 'truncated' });
  });
});
