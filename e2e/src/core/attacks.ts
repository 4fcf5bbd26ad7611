// Requests that the core must refuse, each with the answer it must give. The guest sends them (attack-guest.ts), the test judges the answers;
// both read this table. Between two phases the guest takes the update a step further by a proper request.

import type { CORE_CODE } from '@resplice/engine/trampoline';
import { CORE_FLAG, CORE_LIMIT, NAME_SIZE } from '@resplice/engine/trampoline';
import { encodeRaw, type RawData, type RawFixup, type RawRequest, type RawSite } from './raw-request.js';

/** What the guest has found out about itself. */
export interface Facts {
  /** The update's module, and one that is no update. */
  readonly module: string;
  readonly otherModule: string;
  /** Two functions that the update replaces. */
  readonly site: RawSite;
  readonly secondSite: RawSite;
  /** Text of the update and of the core. */
  readonly text: bigint;
  readonly coreText: bigint;
  /** A function in which threads of the kernel sleep whenever they have nothing to do. */
  readonly slept: RawSite;
  /** Writable data of the kernel. */
  readonly writable: bigint;
  /** Some read-only data of the kernel. */
  readonly constant: { readonly address: bigint; readonly bytes: Uint8Array };
}

/** The state of the update: its module is loaded, the core knows it, it is applied, it is undone. */
export type Phase = 'loaded' | 'prepared' | 'applied' | 'undone';

export interface Attack {
  readonly phase: Phase;
  readonly title: string;
  readonly expect: keyof typeof CORE_CODE;
  /** A kprobe is on the first byte of the jump meanwhile. */
  readonly probed?: boolean;
  /** The core reads all stacks word by word. */
  readonly scanned?: boolean;
  /** The requests, of which the last one is judged; those before it must be answered OK. */
  readonly make: (facts: Facts) => readonly (RawRequest | Uint8Array)[];
}

const MAX = 0xffffffff;
const COUNTS = ['sites', 'data', 'hooks', 'names', 'objects', 'symbols', 'fixups'] as const;

function limitOf(field: (typeof COUNTS)[number]): number {
  return field === 'symbols' || field === 'fixups' ? CORE_LIMIT.FIXUPS : CORE_LIMIT.COUNT;
}

export const ATTACKS: readonly Attack[] = [
  ...inAnyState('loaded'),
  ...inAnyState('applied'),
  // Sites
  ...site('at an address of user space', 'NOT_TEXT', () => ({ old_start: 0x400000n })),
  ...site('at address 0', 'NOT_TEXT', () => ({ old_start: 0n })),
  ...site('at the end of all addresses', 'NOT_TEXT', () => ({ old_start: 0xffffffffffffffffn })),
  ...site('in data of the kernel', 'NOT_TEXT', ({ writable }) => ({ old_start: writable })),
  ...site('in read-only data of the kernel', 'NOT_TEXT', ({ constant }) => ({ old_start: constant.address })),
  ...site('in the update itself', 'NOT_TEXT', ({ text }) => ({ old_start: text })),
  ...site('in the core', 'NOT_TEXT', ({ coreText }) => ({ old_start: coreText })),
  ...site('of size 0', 'NOT_TEXT', () => ({ old_size: 0 })),
  ...site('of 4 GB', 'NOT_TEXT', () => ({ old_size: MAX })),
  ...site('in the middle of a function', 'NOT_FUNCTION', ({ site: { old_start } }) => ({
    old_start: old_start + 5n,
  })),
  ...site('with the jump behind its end', 'NOT_FUNCTION', ({ site: { old_size } }) => ({
    jump_offset: old_size,
  })),
  ...site('with the jump across its end', 'NOT_FUNCTION', ({ site: { old_size } }) => ({
    jump_offset: old_size - 4,
  })),
  ...site('with the jump 4 GB away', 'NOT_FUNCTION', () => ({ jump_offset: MAX })),
  ...site('with the new code in the kernel', 'NOT_IN_UPDATE', ({ site: { old_start } }) => ({
    new_start: old_start,
    target: old_start,
  })),
  ...site('with the new code in the core', 'NOT_IN_UPDATE', ({ coreText }) => ({
    new_start: coreText,
    target: coreText,
  })),
  ...site('with new code of size 0', 'NOT_IN_UPDATE', () => ({ new_size: 0 })),
  ...site('with new code of 4 GB', 'NOT_IN_UPDATE', () => ({ new_size: MAX })),
  ...site('with the target before the new code', 'NOT_IN_UPDATE', ({ site: { new_start } }) => ({
    target: new_start - 1n,
  })),
  ...site('with the target behind the new code', 'NOT_IN_UPDATE', ({ site: { new_start, new_size } }) => ({
    target: new_start + BigInt(new_size),
  })),
  ...site('with an unknown flag', 'BAD_FIELD', () => ({ flags: 2 })),
  ...site('whose code is not in the request', 'BAD_FIELD', () => ({ code: MAX })),
  ...site('of a module that the request does not have', 'BAD_OBJECT', () => ({ object: 1 })),
  ...site('of module 4 billion', 'BAD_OBJECT', () => ({ object: MAX })),
  prepare('loaded', 'two sites in one function', 'OVERLAP', (facts) => ({
    sites: [facts.site, facts.secondSite, { ...facts.site, jump_offset: facts.site.jump_offset + 8 }],
  })),
  wrongOldBytes('CHECK'),
  wrongOldBytes('APPLY'),
  // What runs
  onPrepared('APPLY to a function in which threads sleep', 'BUSY', 'APPLY', ({ slept }) => slept),
  onPrepared('CHECK of a function in which threads sleep', 'BUSY', 'CHECK', ({ slept }) => slept),
  onPrepared('CHECK of the same with old and new code that may coexist', 'OK', 'CHECK', ({ slept }) => ({
    ...slept,
    flags: CORE_FLAG.COEXIST,
  })),
  byWords(
    onPrepared('APPLY to a function in which threads sleep, by words', 'BUSY', 'APPLY', ({ slept }) => slept),
  ),
  {
    ...onPrepared('APPLY to a function with a kprobe under the jump', 'PROBED', 'APPLY', ({ site }) => site),
    probed: true,
  },
  // Data
  ...data('writable data of the kernel', 'BAD_DATA', ({ writable }) => ({ address: writable })),
  ...data('text as data', 'BAD_DATA', ({ site: { old_start } }) => ({ address: old_start })),
  ...data('data of the update itself', 'BAD_DATA', ({ text }) => ({ address: text })),
  ...data('data at address 0', 'BAD_DATA', () => ({ address: 0n })),
  ...data('data of size 0', 'BAD_DATA', () => ({ size: 0 })),
  ...data('data of 4 GB', 'BAD_DATA', () => ({ size: MAX })),
  ...data('data whose bytes are not in the request', 'BAD_DATA', () => ({ content: 1n })),
  ...data('data whose bytes are 4 GB away', 'BAD_DATA', () => ({ content: BigInt(MAX) })),
  ...data('data whose bytes are at the end of memory', 'BAD_DATA', () => ({ content: 2n ** 64n - 1n })),
  ...data('data of an unknown kind', 'BAD_FIELD', () => ({ flags: 2 })),
  ...data('data behind a symbol of nothing', 'BAD_FIELD', () => ({ from: 8 })),
  ...data('bytes of the kernel as of the update', 'BAD_DATA', ({ constant }) => inUpdate(constant.address)),
  ...data('bytes that end behind the update', 'BAD_DATA', ({ text }) => inUpdate(text, 1 << 20)),
  prepare('loaded', 'two changes of the same data', 'OVERLAP', ({ constant }) => ({
    data: [dataAt(constant.address, 0), dataAt(constant.address + 2n, 0)],
    bytes: twice(constant.bytes),
  })),
  {
    phase: 'loaded',
    title: 'CHECK with wrong old data',
    expect: 'OLD_DATA',
    make: ({ module, constant }) => [
      {
        type: 'PREPARE',
        name: module,
        data: [dataAt(constant.address, 0)],
        bytes: twice(constant.bytes.map((byte) => byte ^ 1)),
      },
      { type: 'CHECK', name: module },
    ],
  },
  // Hooks
  ...[0, 11, 16, MAX].map((kind) =>
    prepare('loaded', `a hook of kind ${kind}`, 'BAD_HOOK', ({ site, text }) => ({
      sites: [site],
      hooks: [{ function: text, kind, object: 0 }],
    })),
  ),
  prepare('loaded', 'a hook in the kernel', 'NOT_IN_UPDATE', ({ site }) => ({
    sites: [site],
    hooks: [{ function: site.old_start, kind: 1, object: 0 }],
  })),
  prepare('loaded', 'a hook of a module that the request does not have', 'BAD_OBJECT', ({ site, text }) => ({
    sites: [site],
    hooks: [{ function: text, kind: 1, object: 1 }],
  })),
  // Modules, symbols, fixups
  ...modules('a module without a name', 'BAD_NAME', () => ({ objects: [{ name: '', user: 0 }] })),
  ...modules('a module whose name does not end', 'BAD_NAME', () => ({
    objects: [{ name: new Uint8Array(NAME_SIZE).fill(0x78), user: 0 }],
  })),
  ...modules('an update as a module', 'BAD_OBJECT', ({ module }) => ({
    objects: [{ name: module, user: 0 }],
  })),
  ...modules('the core as a module', 'BAD_OBJECT', () => ({ objects: [{ name: 'resplice_core', user: 0 }] })),
  ...modules('a module used by none', 'BAD_OBJECT', ({ otherModule }) => ({
    objects: [{ name: otherModule, user: 1 }],
  })),
  ...modules('a module used by one that is only used', 'BAD_OBJECT', ({ otherModule }) => ({
    objects: [
      { name: otherModule, user: 1 },
      { name: 'other', user: 0 },
    ],
  })),
  ...modules('a build id longer than its field', 'BAD_FIELD', ({ otherModule }) => ({
    objects: [{ name: otherModule, user: 0, buildIdSize: 33 }],
  })),
  ...modules('a build id with more behind its end', 'BAD_FIELD', ({ otherModule }) => ({
    objects: [{ name: otherModule, user: 0, buildIdSize: 1, buildId: Uint8Array.of(1, 2) }],
  })),
  ...modules('the same module twice', 'OVERLAP', ({ otherModule }) => ({
    objects: [
      { name: otherModule, user: 0 },
      { name: otherModule, user: 1 },
    ],
  })),
  ...modules('a symbol of no module', 'BAD_OBJECT', () => ({
    symbols: [{ object: 1, name: 'x', position: 0, reserved: 0 }],
  })),
  ...modules('a symbol whose name is 4 GB away', 'BAD_NAME', () => ({
    symbols: [{ object: 0, name: MAX, position: 0, reserved: 0 }],
  })),
  ...modules('a symbol whose name does not end', 'BAD_NAME', ({ constant }) => ({
    symbols: [{ object: 0, name: 7, position: 0, reserved: 0 }],
    data: [dataAt(constant.address, 0)],
    bytes: new Uint8Array(8).fill(0x78),
    sites: [],
  })),
  ...modules('a symbol with a reserved field set', 'BAD_FIELD', () => ({
    symbols: [{ object: 0, name: 'x', position: 0, reserved: 1 }],
  })),
  ...[-8n, -(1n << 20n)].map((away) =>
    fixup(`${away} bytes away from the update`, 'BAD_FIXUP', ({ text }) => ({ place: text + away * 4096n })),
  ),
  fixup('in the kernel', 'BAD_FIXUP', ({ site }) => ({ place: site.old_start })),
  fixup('in the core', 'BAD_FIXUP', ({ coreText }) => ({ place: coreText })),
  ...[0, 3, 24, MAX].map((type) => fixup(`of type ${type}`, 'BAD_FIXUP', () => ({ type }))),
  fixup('of no symbol', 'BAD_OBJECT', () => ({ symbol: 1 })),
  inModule('CHECK of a symbol that the module does not have', 'NO_SYMBOL', 'no_such_symbol', 0),
  inModule('APPLY to a symbol that the module does not have so often', 'NO_SYMBOL', 'dummy_xmit', 2),
  inModule('APPLY to other code of a module than it has', 'OLD_BYTES', 'dummy_xmit', 0),
  inModule('APPLY to a module of another build', 'WRONG_BUILD', 'dummy_xmit', 0, new Uint8Array(20).fill(7)),
  // Names
  ...['resplice_core', 'vmlinux', 'resplice', ''].map((name) =>
    prepare('loaded', `the update "${name}"`, 'BAD_NAME', ({ site }) => ({ name, sites: [site] })),
  ),
  prepare('loaded', 'a module that is no update', 'BAD_NAME', ({ site, otherModule }) => ({
    name: otherModule,
    sites: [site],
  })),
  prepare('loaded', 'an update that is not loaded', 'NO_MODULE', ({ site }) => ({
    name: 'resplice_none',
    sites: [site],
  })),
  prepare('loaded', 'a name that does not end', 'BAD_NAME', ({ site, module }) => ({
    name: fill(module, 0x78),
    sites: [site],
  })),
  prepare('loaded', 'a name with something behind its end', 'BAD_NAME', ({ site, module }) => ({
    name: fill(`${module}\0`, 0x78, 1),
    sites: [site],
  })),
  prepare('loaded', 'a needed module that is not loaded', 'NO_MODULE', ({ site, otherModule }) => ({
    sites: [site],
    names: [otherModule, 'no_such_module'],
  })),
  prepare('loaded', 'a needed module whose name does not end', 'BAD_NAME', ({ site }) => ({
    sites: [site],
    names: [new Uint8Array(NAME_SIZE).fill(0x78)],
  })),
  prepare('loaded', 'an update that changes nothing', 'BAD_COUNT', () => ({})),
  prepare('loaded', 'more sites than its size has room for', 'BAD_SIZE', ({ site }) => ({
    sites: [site],
    header: { sites: 2 },
  })),
  // Replays, and requests that come at the wrong time
  prepare('prepared', 'an update that is known', 'KNOWN', ({ site }) => ({ sites: [site] })),
  prepare('applied', 'an update that is known', 'KNOWN', ({ site }) => ({ sites: [site] })),
  prepare('undone', 'an update that is known', 'KNOWN', ({ site }) => ({ sites: [site] })),
  ...(['CHECK', 'APPLY', 'UNDO', 'FORGET'] as const).map((type) => late('loaded', type, 'UNKNOWN')),
  late('prepared', 'UNDO', 'WRONG_STATE'),
  late('applied', 'APPLY', 'WRONG_STATE'),
  late('applied', 'CHECK', 'WRONG_STATE'),
  late('applied', 'FORGET', 'WRONG_STATE'),
  late('undone', 'UNDO', 'WRONG_STATE'),
  late('undone', 'APPLY', 'WRONG_STATE'),
  ...(['APPLY', 'CHECK'] as const).flatMap((type): Attack[] => [
    replacing(type, 'an unknown update', 'UNKNOWN', () => ['resplice_none']),
    replacing(type, 'the update itself, which is not applied', 'WRONG_STATE', ({ module }) => [module]),
    replacing(type, 'something that is no update', 'BAD_NAME', ({ otherModule }) => [otherModule]),
  ]),
];

/** What makes no sense whatever the update's state is. */
function inAnyState(phase: Phase): readonly Attack[] {
  const status = (title: string, expect: Attack['expect'], header: RawRequest['header']): Attack => ({
    phase,
    title: `a request with ${title}, in state ${phase}`,
    expect,
    make: () => [{ type: 'STATUS', header: header ?? {} }],
  });
  const timed = (title: string, header: RawRequest['header']): Attack => ({
    phase,
    title: `UNDO with ${title}, in state ${phase}`,
    expect: 'BAD_FIELD',
    make: ({ module }) => [{ type: 'UNDO', name: module, header: header ?? {} }],
  });
  return [
    status('another magic number', 'BAD_MAGIC', { magic: 0 }),
    status('another version', 'BAD_ABI', { abi: 1 }),
    ...[0, 7, 0xffff].map((type) => status(`type ${type}`, 'BAD_TYPE', { type })),
    ...[0, 119, 121, MAX].map((size) => status(`size ${size}`, 'BAD_SIZE', { size })),
    ...([...COUNTS, 'bytes'] as const).map((field) =>
      status(`${field} that STATUS does not have`, 'BAD_COUNT', { [field]: 1 }),
    ),
    ...COUNTS.flatMap((field) => [
      status(`2^32 - 1 ${field}`, 'BAD_COUNT', { [field]: MAX }),
      status(`${field} above the limit`, 'BAD_COUNT', { [field]: limitOf(field) + 1 }),
    ]),
    status('an unknown flag', 'BAD_FIELD', { flags: 1 }),
    status('attempts that STATUS does not have', 'BAD_FIELD', { attempts: 1 }),
    status('a pause that STATUS does not have', 'BAD_FIELD', { backoff_us: 1 }),
    status('a name that STATUS does not have', 'BAD_NAME', { name: new Uint8Array(NAME_SIZE).fill(1) }),
    timed('no attempt', { attempts: 0, backoff_us: 0 }),
    timed('too many attempts', { attempts: CORE_LIMIT.ATTEMPTS + 1 }),
    timed('too long a pause', { backoff_us: CORE_LIMIT.BACKOFF_US + 1 }),
    ...[0, 1, 4, 119].map(
      (length): Attack => ({
        phase,
        title: `a write of ${length} bytes of a request, in state ${phase}`,
        expect: 'BAD_SIZE',
        make: () => [encodeRaw({ type: 'STATUS' }).subarray(0, length)],
      }),
    ),
    {
      phase,
      title: `a write with a byte too many, in state ${phase}`,
      expect: 'BAD_SIZE',
      make: () => [Uint8Array.of(...encodeRaw({ type: 'STATUS' }), 0)],
    },
  ];
}

function prepare(
  phase: Phase,
  title: string,
  expect: Attack['expect'],
  make: (facts: Facts) => Omit<RawRequest, 'type'>,
): Attack {
  return {
    phase,
    title: `PREPARE of ${title}, in state ${phase}`,
    expect,
    make: (facts) => [{ type: 'PREPARE', name: facts.module, ...make(facts) }],
  };
}

/** The wrong site alone, and behind a right one. */
function site(
  title: string,
  expect: Attack['expect'],
  change: (facts: Facts) => Partial<RawSite>,
): readonly Attack[] {
  return [
    prepare('loaded', `a site ${title}`, expect, (facts) => ({
      sites: [{ ...facts.site, ...change(facts) }],
    })),
    prepare('loaded', `a site ${title}, behind a right one`, expect, (facts) => ({
      sites: [facts.secondSite, { ...facts.site, ...change(facts) }],
    })),
  ];
}

function data(
  title: string,
  expect: Attack['expect'],
  change: (facts: Facts) => Partial<RawData>,
): readonly Attack[] {
  return [
    prepare('loaded', title, expect, (facts) => ({
      data: [{ ...dataAt(facts.constant.address, 0), ...change(facts) }],
      bytes: twice(facts.constant.bytes),
    })),
  ];
}

function dataAt(address: bigint, offset: number): RawData {
  return { address, size: 4, content: BigInt(offset), from: 0, object: 0, flags: 0 };
}

function inUpdate(content: bigint, size = 4): Partial<RawData> {
  return { content, size, flags: CORE_FLAG.IN_UPDATE };
}

/** With a site and a fixup in a module, all of which is right but for the change. */
function modules(
  title: string,
  expect: Attack['expect'],
  change: (facts: Facts) => Partial<RawRequest>,
): readonly Attack[] {
  return [
    prepare('loaded', title, expect, (facts) => ({
      ...partsOfModule(facts, 'dummy_xmit', 0),
      ...change(facts),
    })),
  ];
}

function fixup(title: string, expect: Attack['expect'], change: (facts: Facts) => Partial<RawFixup>): Attack {
  return prepare('loaded', `a fixup ${title}`, expect, (facts) => {
    const parts = partsOfModule(facts, 'dummy_xmit', 0);
    return { ...parts, fixups: parts.fixups.map((each) => ({ ...each, ...change(facts) })) };
  });
}

function inModule(
  title: string,
  expect: Attack['expect'],
  symbol: string,
  position: number,
  buildId?: Uint8Array,
): Attack {
  const type = title.startsWith('CHECK') ? 'CHECK' : 'APPLY';
  return {
    phase: 'loaded',
    title,
    expect,
    make: (facts) => [
      {
        type: 'PREPARE',
        name: facts.module,
        ...partsOfModule(facts, symbol, position, buildId),
        fixups: [],
      },
      { type, name: facts.module },
    ],
  };
}

function partsOfModule(facts: Facts, symbol: string, position: number, buildId?: Uint8Array) {
  return {
    // No function begins so.
    sites: [{ ...facts.site, old_start: 0n, object: 1, old_size: 16, memory: new Uint8Array(16).fill(0xcc) }],
    objects: [{ name: facts.otherModule, user: 0, ...(buildId === undefined ? {} : { buildId }) }],
    symbols: [{ object: 0, name: symbol, position, reserved: 0 }],
    fixups: [{ place: facts.text, addend: -4n, symbol: 0, type: 2 }],
  };
}

function twice(bytes: Uint8Array): Uint8Array {
  return Uint8Array.of(...bytes.subarray(0, 4), ...bytes.subarray(0, 4));
}

function wrongOldBytes(type: 'CHECK' | 'APPLY'): Attack {
  return {
    phase: 'loaded',
    title: `${type} with wrong old bytes in the second of two sites`,
    expect: 'OLD_BYTES',
    make: ({ module, site: right, secondSite }) => [
      {
        type: 'PREPARE',
        name: module,
        sites: [right, { ...secondSite, memory: secondSite.memory.map((byte) => byte ^ 0x80) }],
      },
      { type, name: module },
    ],
  };
}

function onPrepared(
  title: string,
  expect: Attack['expect'],
  type: 'CHECK' | 'APPLY',
  where: (facts: Facts) => RawSite,
): Attack {
  return {
    phase: 'loaded',
    title,
    expect,
    make: (facts) => [
      { type: 'PREPARE', name: facts.module, sites: [facts.secondSite, where(facts)] },
      { type, name: facts.module, header: { attempts: 3 } },
    ],
  };
}

/** The same, with stacks read as on a kernel that cannot unwind them reliably. */
function byWords(attack: Attack): Attack {
  const make = (facts: Facts) =>
    attack
      .make(facts)
      .map((request) =>
        request instanceof Uint8Array || request.type === 'PREPARE'
          ? request
          : { ...request, header: { ...request.header, flags: CORE_FLAG.BY_WORDS } },
      );
  return { ...attack, scanned: true, make };
}

function late(phase: Phase, type: 'CHECK' | 'APPLY' | 'UNDO' | 'FORGET', expect: Attack['expect']): Attack {
  return {
    phase,
    title: `${type}, in state ${phase}`,
    expect,
    make: ({ module }) => [{ type, name: module }],
  };
}

function replacing(
  type: 'APPLY' | 'CHECK',
  title: string,
  expect: Attack['expect'],
  names: (facts: Facts) => readonly string[],
): Attack {
  return {
    phase: 'prepared',
    title: `${type} that replaces ${title}`,
    expect,
    make: (facts) => [{ type, name: facts.module, names: names(facts) }],
  };
}

function fill(name: string, byte: number, keep = 0): Uint8Array {
  const field = new Uint8Array(NAME_SIZE).fill(byte);
  field.set(new TextEncoder().encode(name));
  if (keep > 0) field.fill(0, name.length, NAME_SIZE - keep);
  return field;
}
