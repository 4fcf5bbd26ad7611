// How an update's imports find their place in a kernel with these symbols.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Definition, defineObject } from '../../src/diff/definition.js';
import type { ExportedSymbol } from '../../src/kernel/symvers.js';
import type { ObjectMatch } from '../../src/match/match-object.js';
import type { RunningObject } from '../../src/match/running-object.js';
import { type BindContext, bindImports } from '../../src/module/bind.js';
import type { Import } from '../../src/module/import-names.js';
import { compileObject } from '../elf/compiler.js';

/** A kernel object with symbols and no code. */
function objectWith(name: string, symbols: Readonly<Record<string, readonly bigint[]>>): RunningObject {
  const addressesOf = (symbol: string) => symbols[symbol] ?? [];
  return {
    name,
    addressesOf,
    position(symbol, address) {
      const rank = addressesOf(symbol).indexOf(address);
      if (rank < 0) return undefined;
      return addressesOf(symbol).length === 1 ? 0 : rank + 1;
    },
    read: () => new Uint8Array(0),
    sitesIn: () => [],
  };
}

const KERNEL = objectWith('vmlinux', { printk: [1n], schedule: [2n], count: [10n, 20n, 30n], crypt: [4n] });
const MODULES = new Map([
  ['mod', objectWith('mod', { mod_open: [100n], count: [110n], state: [120n, 130n] })],
  ['lib', objectWith('lib', { lib_call: [200n] })],
]);
const EXPORTS = new Map(
  [
    ['printk', 'vmlinux', ''],
    ['crypt', 'vmlinux', 'CRYPTO'],
    ['lib_call', 'drivers/lib', ''],
  ].map(([name = '', module = '', namespace = '']): [string, ExportedSymbol] => [
    name,
    { name, crc: 7, module, gplOnly: false, namespace },
  ]),
);

function contextWith(owner: string, match: Partial<ObjectMatch>): BindContext {
  const empty: ObjectMatch = {
    functions: new Map(),
    addresses: new Map(),
    externals: new Map(),
    mismatches: new Map(),
    ambiguous: new Map(),
    missing: [],
  };
  return {
    vmlinux: KERNEL,
    module: (name) => MODULES.get(name),
    exports: EXPORTS,
    matches: [{ owner, match: { ...empty, ...match } }],
  };
}

function bindOne(imported: Partial<Import> & { readonly symbol: string }, match: Partial<ObjectMatch> = {}) {
  const complete: Import = { owner: 'vmlinux', definition: undefined, weak: false, ...imported };
  const { bindings, reasons, namespaces } = bindImports(
    new Map([['it', complete]]),
    contextWith(complete.owner ?? 'vmlinux', match),
  );
  return { binding: bindings.get('it'), codes: reasons.map(({ code }) => code), namespaces };
}

async function staticVariable(): Promise<Definition> {
  const object = defineObject(await compileObject('static int count; int f(void) { return count++; }'));
  const found = object.definitions.find(({ name }) => name === 'count');
  assert.ok(found);
  return found;
}

const inKernel = (name: string, position: number, address: bigint) => ({
  kind: 'symbol',
  object: 'vmlinux',
  name,
  position,
  address,
  applyWith: 'vmlinux',
});

describe('binding an import', () => {
  it('leaves what the kernel exports to the module loader, with its namespace', () => {
    assert.deepEqual(bindOne({ symbol: 'printk' }).binding, { kind: 'export', crc: 7 });
    const { binding, namespaces } = bindOne({ symbol: 'crypt', owner: 'mod' });
    assert.deepEqual(binding, { kind: 'export', crc: 7 });
    assert.deepEqual(namespaces, ['CRYPTO']);
  });

  it('goes through livepatch for what the kernel does not export', () => {
    assert.deepEqual(bindOne({ symbol: 'schedule' }).binding, inKernel('schedule', 0, 2n));
    assert.deepEqual(bindOne({ symbol: 'schedule', owner: 'mod' }).binding, inKernel('schedule', 0, 2n));
    assert.deepEqual(bindOne({ symbol: 'schedule', owner: null }).binding, inKernel('schedule', 0, 2n));
  });

  it('looks in the patched module first, and waits for that module', () => {
    assert.deepEqual(bindOne({ symbol: 'mod_open', owner: 'mod' }).binding, {
      kind: 'symbol',
      object: 'mod',
      name: 'mod_open',
      position: 0,
      applyWith: 'mod',
    });
    const { binding } = bindOne({ symbol: 'lib_call', owner: 'mod' });
    assert.deepEqual(binding, {
      kind: 'symbol',
      object: 'lib',
      name: 'lib_call',
      position: 0,
      applyWith: 'mod',
    });
  });

  it('tells namesakes apart by the address that matched code proves', async () => {
    const definition = await staticVariable();
    const addresses = new Map([[definition, 20n]]);
    assert.deepEqual(
      bindOne({ symbol: 'count', definition }, { addresses }).binding,
      inKernel('count', 2, 20n),
    );
    const externals = new Map([['count', 30n]]);
    assert.deepEqual(bindOne({ symbol: 'count' }, { externals }).binding, inKernel('count', 3, 30n));
  });

  it('refuses namesakes that nothing tells apart, and never takes a static variable from elsewhere', async () => {
    const definition = await staticVariable();
    assert.deepEqual(bindOne({ symbol: 'count', definition }).codes, ['ambiguous-symbol']);
    assert.deepEqual(bindOne({ symbol: 'count' }).codes, ['ambiguous-symbol']);
    assert.equal(bindOne({ symbol: 'count', definition, owner: 'mod' }).binding?.kind, 'symbol');
    assert.deepEqual(bindOne({ symbol: 'count', definition, owner: 'lib' }).codes, ['unresolved-symbol']);
  });

  it('does not take an exported symbol for a static one of the same name', async () => {
    const definition = { ...(await staticVariable()), name: 'printk' };
    const { binding, codes } = bindOne({ symbol: 'printk', definition });
    assert.notEqual(binding?.kind, 'export');
    assert.deepEqual(codes, ['ambiguous-symbol']);
  });

  it('refuses what no object has, unless the reference is weak', () => {
    assert.deepEqual(bindOne({ symbol: 'nowhere' }).codes, ['unresolved-symbol']);
    assert.deepEqual(bindOne({ symbol: 'nowhere', owner: 'mod' }).codes, ['unresolved-symbol']);
    assert.deepEqual(bindOne({ symbol: 'nowhere', weak: true }), {
      binding: undefined,
      codes: [],
      namespaces: [],
    });
  });
});
