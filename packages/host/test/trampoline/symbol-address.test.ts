import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findAddresses } from '../../src/trampoline/symbol-address.js';
import { makeMachine } from '../fake/situation.js';

const SLIDE = 0x1200_0000n;
const vmlinux = (name: string, address?: string) => ({
  symbol: name,
  object: 'vmlinux',
  name,
  position: 0,
  applyWith: 'vmlinux',
  ...(address === undefined ? {} : { address }),
});
const IN_MODULE = {
  symbol: 'af_alg_x',
  object: 'af_alg',
  name: 'af_alg_x',
  position: 1,
  applyWith: 'af_alg',
};

/** Counts how often the kernel's list is opened. */
function machineWith(kallsyms: string) {
  const machine = makeMachine();
  machine.kallsyms = kallsyms;
  const openFile = machine.openFile.bind(machine);
  let opened = 0;
  machine.openFile = (path) => {
    opened += 1;
    return openFile(path);
  };
  return { machine, opened: () => opened };
}

describe('addresses of what an update needs', () => {
  it('are those of the image and how far it was moved, without a look at the list of symbols', () => {
    const { machine, opened } = machineWith('');
    const found = findAddresses(machine, [vmlinux('text_mutex', '0xffffffff82a00040')], SLIDE);
    assert.deepEqual(found, new Map([['vmlinux:text_mutex,1', 0xffffffff_94a00040n]]));
    assert.equal(opened(), 0);
  });

  it('stay where they are below the image: per-CPU variables', () => {
    const { machine } = machineWith('');
    const found = findAddresses(machine, [vmlinux('runqueues', '0x2a00')], SLIDE);
    assert.deepEqual([...(found ?? [])], [['vmlinux:runqueues,1', 0x2a00n]]);
  });

  it('are looked up in one go for modules, and for updates that do not say', () => {
    const { machine, opened } = machineWith(
      'ffffffff94a00040 D text_mutex\nffffffffc0a00000 t af_alg_x\t[af_alg]\n',
    );
    const wanted = [vmlinux('text_mutex'), vmlinux('idle_task', '0xffffffff81000000'), IN_MODULE];
    assert.deepEqual(
      findAddresses(machine, wanted, SLIDE),
      new Map([
        ['vmlinux:idle_task,1', 0xffffffff_93000000n],
        ['vmlinux:text_mutex,1', 0xffffffff_94a00040n],
        ['af_alg:af_alg_x,1', 0xffffffff_c0a00000n],
      ]),
    );
    assert.equal(opened(), 1);
  });

  it('are looked up when it is not known how far the kernel was moved', () => {
    const { machine } = machineWith('ffffffff94a00040 D text_mutex\n');
    const found = findAddresses(machine, [vmlinux('text_mutex', '0xffffffff82a00040')], undefined);
    assert.deepEqual(found, new Map([['vmlinux:text_mutex,1', 0xffffffff_94a00040n]]));
  });
});
