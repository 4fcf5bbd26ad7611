import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { baseName, isCopyable, isForgettable, parentOfFragment } from '../../src/diff/symbol-name.js';

describe('the name of a symbol', () => {
  it('loses the numbers of the compiler and of __UNIQUE_ID', () => {
    const names: Record<string, string> = {
      tcp_v4_rcv: 'tcp_v4_rcv',
      sha256_k32: 'sha256_k32',
      'count.0': 'count',
      '__key.123': '__key',
      'do_execveat_common.isra.0': 'do_execveat_common.isra',
      'do_execveat_common.isra.0.cold': 'do_execveat_common.isra.cold',
      'link_path_walk.part.0.constprop.0': 'link_path_walk.part.constprop',
      'parse.cold': 'parse.cold',
      'CSWTCH.42': 'CSWTCH',
      __UNIQUE_ID_ddebug517: '__UNIQUE_ID_ddebug',
      '__UNIQUE_ID_ddebug517.4': '__UNIQUE_ID_ddebug',
      __UNIQUE_ID___addressable_sock_init833: '__UNIQUE_ID___addressable_sock_init',
      __BTF_ID__func__migrate_disable__79515359: '__BTF_ID__func__migrate_disable__',
      __initcall__kmod_sock__771_4086_net_inuse_init1: '__initcall__kmod_sock__net_inuse_init1',
    };
    for (const [name, base] of Object.entries(names)) assert.equal(baseName(name), base, name);
  });

  it('tells a cold part from clones and whole functions', () => {
    assert.equal(parentOfFragment('foo.cold'), 'foo');
    assert.equal(parentOfFragment('foo.cold.3'), 'foo');
    assert.equal(parentOfFragment('foo.isra.0.cold'), 'foo.isra.0');
    for (const name of [
      'foo',
      'foo.isra.0',
      'foo.part.1',
      'foo.constprop.0',
      'foo.colder',
      '.cold',
      'too_cold',
    ])
      assert.equal(parentOfFragment(name), undefined, name);
  });

  it('tells what a copy serves as well as the original', () => {
    for (const name of [
      '__func__.3',
      '__FUNCTION__.1',
      '__PRETTY_FUNCTION__.0',
      'CSWTCH.9',
      'switch.table.foo',
    ])
      assert.ok(isCopyable(name, 8), name);
    assert.ok(isCopyable('__key.2', 0));
    for (const name of ['__key.2', 'count.0', '__func__table', 'my__func__', 'CSWTCHES'])
      assert.ok(!isCopyable(name, 8), name);
  });

  it('tells flags that only say that a message was printed', () => {
    for (const name of ['__already_done.3', '__warned.0', '__print_once.1', '_rs.2', '__UNIQUE_ID_ddebug12'])
      assert.ok(isForgettable(name), name);
    for (const name of ['already_done.3', '_rs_state', 'warned', '__warned_about', 'count.0'])
      assert.ok(!isForgettable(name), name);
  });
});
