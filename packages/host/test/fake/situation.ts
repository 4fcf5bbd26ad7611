// The situation most tests start from: an update of two functions of vmlinux and one of a module, and a machine it fits.

import type { Manifest } from '@resplice/update';
import type { ApplicableUpdate } from '../../src/applicable-update.js';
import { FakeMachine } from './fake-machine.js';

export const BUILD_ID = '12f1e1ca032e499318c5cc64e024d3e617624bf6';
export const MODULE_BUILD_ID = '8fe497bd19b2586fa24849c529a66d78af3d2a5b';
export const SLIDE = 0x2000000n;

type ReplacedFunction = Manifest['objects'][number]['functions'][number];

export interface FunctionChoice {
  readonly name: string;
  readonly address: bigint | null;
  readonly code: Uint8Array;
  readonly position?: number;
  readonly sites?: ReplacedFunction['sites'];
}

/** `call __fentry__`, `mov $0x81400000,%edi` (absolute), `xor %eax,%eax`, `ret`. */
export const FIRST: FunctionChoice = {
  name: 'sock_wfree',
  address: 0xffffffff81100000n,
  code: Buffer.from('e800000000bf0000408131c0c3', 'hex'),
  sites: [
    { at: 0, length: 5, kind: 'fentry' },
    { at: 6, length: 4, kind: 'abs32' },
  ],
};
export const FIRST_IN_MEMORY = Buffer.from('0f1f440000bf0000408331c0c3', 'hex');

export const SECOND: FunctionChoice = {
  name: 'init_once',
  address: 0xffffffff81100100n,
  code: Buffer.from('e8000000009090c3', 'hex'),
  position: 2,
  sites: [{ at: 0, length: 5, kind: 'fentry' }],
};
export const SECOND_IN_MEMORY = Buffer.from('0f1f4400009090c3', 'hex');

export const KALLSYMS = [
  '0000000000000000 A fixed_percpu_data',
  '0000000000001000 A cpu_debug_store',
  'ffffffff83000000 T _stext',
  'ffffffff83080000 t init_once',
  'ffffffff83100000 T sock_wfree',
  'ffffffff83100100 t init_once',
  'ffffffff83100200 t init_once',
  'ffffffffc0100000 t init_once\t[dummy]',
  'ffffffffc0100010 t dummy_xmit\t[dummy]',
  '',
].join('\n');

export function makeFunction(choice: FunctionChoice): ReplacedFunction {
  return {
    name: choice.name,
    position: choice.position ?? 0,
    address: choice.address === null ? null : `0x${choice.address.toString(16)}`,
    size: choice.code.length,
    code: Buffer.from(choice.code).toString('base64'),
    sites: [...(choice.sites ?? [])],
    source: 'net/core/sock.c',
    replacement: `${choice.name}_new`,
    newSize: 16,
    newCode: '0'.repeat(64),
    firstDifference: null,
    jump: null,
    coexists: false,
  };
}

export function makeObject(name: string, functions: readonly FunctionChoice[]): Manifest['objects'][number] {
  return {
    name,
    buildId: name === 'vmlinux' ? null : MODULE_BUILD_ID,
    reloadable: true,
    exit: null,
    sources: [],
    data: [],
    functions: functions.map(makeFunction),
    added: [],
  };
}

export function makeUpdate(id: string, change: Partial<Manifest> = {}): ApplicableUpdate {
  const manifest: Manifest = {
    format: 1,
    id,
    description: `the fix ${id}`,
    cves: ['CVE-2026-53236'],
    kernel: { release: '6.1.0-47-amd64', version: '6.1.170-3', architecture: 'x86_64', buildId: BUILD_ID },
    engine: 'livepatch',
    engineReason: 'every function can be redirected by it',
    requires: [],
    patches: [],
    module: { file: 'module.ko', name: `resplice_${id}`, sha256: '0'.repeat(64), signed: false },
    objects: [makeObject('vmlinux', [FIRST, SECOND])],
    custom: { hooks: [], shadow: [], ignored: [], handled: [] },
    trampoline: null,
    notBuilt: [],
    tools: { resplice: '0.1.0', compiler: 'gcc-12', compilerOverride: null },
    ...change,
  };
  return { manifest, module: Buffer.from('module'), archive: Buffer.from(`archive of ${id}`) };
}

/** A machine the update of `makeUpdate` fits. */
export function makeMachine(): FakeMachine {
  const machine = new FakeMachine(BUILD_ID);
  machine.kallsyms = KALLSYMS;
  const text = Buffer.alloc(0x200);
  text.set(FIRST_IN_MEMORY, 0);
  text.set(SECOND_IN_MEMORY, 0x100);
  machine.core = [{ address: 0xffffffff83100000n, bytes: text }];
  for (const id of ['fix_one', 'fix_two', 'fix_three']) allow(machine, makeUpdate(id));
  return machine;
}

/** Tells the simulated kernel what the update's module patches. */
export function allow(machine: FakeMachine, { manifest }: ApplicableUpdate): void {
  const objects = manifest.objects.map(
    ({ name, functions }) =>
      [name, functions.map((each) => `${each.name},${Math.max(each.position, 1)}`)] as const,
  );
  machine.loadable.set(manifest.module.name, new Map(objects));
}
