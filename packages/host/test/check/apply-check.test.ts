// Every refusal of the check, each made by one change to a machine that the update fits.

import assert from 'node:assert';
import { test } from 'node:test';
import type { ReasonCode } from '@resplice/report';
import type { ApplicableUpdate } from '../../src/applicable-update.js';
import { checkApply } from '../../src/check/apply-check.js';
import { encodeBuildIdNotes } from '../fake/core-image.js';
import type { FakeMachine } from '../fake/fake-machine.js';
import {
  allow,
  FIRST,
  KALLSYMS,
  MODULE_BUILD_ID,
  makeMachine,
  makeObject,
  makeUpdate,
} from '../fake/situation.js';

const MODULE_FUNCTION = { name: 'dummy_xmit', address: null, code: Buffer.from('9090c3', 'hex') };
const WITH_MODULE = makeUpdate('fix_one', {
  objects: [makeObject('vmlinux', [FIRST]), makeObject('dummy', [MODULE_FUNCTION])],
});

function loadDummy(machine: FakeMachine, buildId = MODULE_BUILD_ID): void {
  machine.load('dummy');
  machine.files.set('/sys/module/dummy/notes/.note.gnu.build-id', encodeBuildIdNotes(buildId));
  machine.core = [...machine.core, { address: 0xffffffffc0100010n, bytes: MODULE_FUNCTION.code }];
}

function patchByte(machine: FakeMachine, offset: number, value: number): void {
  const bytes = Uint8Array.from(machine.core[0]?.bytes ?? []);
  bytes[offset] = value;
  machine.core = [{ address: 0xffffffff83100000n, bytes }];
}

interface Refusal {
  readonly title: string;
  readonly arrange: (machine: FakeMachine) => void;
  readonly update?: ApplicableUpdate;
  readonly codes: readonly ReasonCode[];
  readonly found: RegExp;
}

const REFUSALS: readonly Refusal[] = [
  {
    title: 'without root, and then says nothing about what only root can see',
    arrange: (machine) => {
      machine.uid = 1000;
      machine.kallsyms = undefined;
      machine.coreProblem = 'EACCES';
    },
    codes: ['not-root'],
    found: /user 1000/,
  },
  {
    title: 'another architecture',
    arrange: (machine) => {
      machine.architecture = 'aarch64';
    },
    codes: ['wrong-architecture'],
    found: /aarch64.*x86_64/,
  },
  {
    title: 'another kernel, and then compares no code',
    arrange: (machine) => {
      machine.files.set('/sys/kernel/notes', encodeBuildIdNotes('aa'.repeat(20)));
      machine.files.set('/proc/sys/kernel/osrelease', '6.1.0-50-amd64\n');
      machine.core = [];
    },
    codes: ['wrong-kernel'],
    found: /runs 6\.1\.0-50-amd64 .*build id aaaa.*is for 6\.1\.0-47-amd64 \(6\.1\.170-3\), build id 12f1/,
  },
  {
    title: 'a kernel of the same release that was built again',
    arrange: (machine) => void machine.files.set('/sys/kernel/notes', encodeBuildIdNotes('aa'.repeat(20))),
    codes: ['wrong-kernel'],
    found: /built again/,
  },
  {
    title: 'a kernel whose notes are damaged',
    arrange: (machine) =>
      void machine.files.set('/sys/kernel/notes', Uint8Array.of(4, 0, 0, 0, 255, 0, 0, 0, 3, 0, 0, 0)),
    codes: ['wrong-kernel'],
    found: /build id unknown/,
  },
  {
    title: 'a kernel without livepatch',
    arrange: (machine) => void machine.files.delete('/sys/kernel/livepatch/'),
    codes: ['livepatch-missing'],
    found: /does not exist/,
  },
  {
    title: 'ftrace switched off',
    arrange: (machine) => void machine.files.set('/proc/sys/kernel/ftrace_enabled', '0\n'),
    codes: ['ftrace-disabled'],
    found: /is 0/,
  },
  {
    title: 'lockdown with an unsigned module',
    arrange: (machine) =>
      void machine.files.set('/sys/kernel/security/lockdown', 'none [integrity] confidentiality\n'),
    codes: ['module-must-be-signed'],
    found: /"integrity"/,
  },
  {
    title: 'forced signatures with an unsigned module',
    arrange: (machine) => void machine.files.set('/sys/module/module/parameters/sig_enforce', 'Y\n'),
    codes: ['module-must-be-signed'],
    found: /sig_enforce/,
  },
  {
    title: 'modules disabled',
    arrange: (machine) => void machine.files.set('/proc/sys/kernel/modules_disabled', '1\n'),
    codes: ['modules-disabled'],
    found: /modules_disabled is 1/,
  },
  {
    title: 'hidden addresses',
    arrange: (machine) => {
      machine.kallsyms = KALLSYMS.replace(/^[0-9a-f]{16}/gm, '0'.repeat(16));
    },
    codes: ['kallsyms-hidden'],
    found: /zero/,
  },
  {
    title: 'a kernel without /proc/kallsyms',
    arrange: (machine) => {
      machine.kallsyms = undefined;
    },
    codes: ['kallsyms-hidden'],
    found: /ENOENT/,
  },
  {
    title: 'an unreadable /proc/kcore',
    arrange: (machine) => {
      machine.coreProblem = 'EPERM';
    },
    codes: ['kernel-memory-unreadable'],
    found: /EPERM/,
  },
  {
    title: 'a /proc/kcore that does not tell the slide',
    arrange: (machine) => {
      machine.vmcoreinfo = undefined;
    },
    codes: ['kernel-memory-unreadable'],
    found: /KERNELOFFSET/,
  },
  {
    title: 'memory that is not mapped',
    arrange: (machine) => {
      machine.core = [
        { address: 0xffffffff83100000n, bytes: machine.core[0]?.bytes.subarray(0, 0x80) ?? new Uint8Array() },
      ];
    },
    codes: ['kernel-memory-unreadable'],
    found: /0xffffffff83100100 is not mapped/,
  },
  {
    title: 'a function that does not exist',
    arrange: (machine) => {
      machine.kallsyms = KALLSYMS.replace('sock_wfree', 'sock_other');
    },
    codes: ['function-not-found'],
    found: /does not exist/,
  },
  {
    title: 'too few functions of a name',
    arrange: (machine) => {
      machine.kallsyms = KALLSYMS.replaceAll(/^ffffffff831.* init_once\n/gm, '');
    },
    codes: ['function-not-found'],
    found: /fewer than 2/,
  },
  {
    title: 'a function at another address',
    arrange: (machine) => {
      machine.kallsyms = KALLSYMS.replace('ffffffff83080000 t init_once\n', '');
    },
    codes: ['function-moved'],
    found: /at 0xffffffff83100200; expected 0xffffffff83100100/,
  },
  {
    title: 'altered code',
    arrange: (machine) => patchByte(machine, 10, 0x55),
    codes: ['function-altered'],
    found: /lists no kprobe/,
  },
  {
    title: 'an address that did not move with the kernel',
    arrange: (machine) => patchByte(machine, 9, 0x81),
    codes: ['function-altered'],
    found: /differ/,
  },
  {
    title: 'a breakpoint that is no kprobe',
    arrange: (machine) => patchByte(machine, 10, 0xcc),
    codes: ['function-altered'],
    found: /int3.*no kprobe/,
  },
  {
    title: 'a breakpoint when kprobes cannot be listed',
    arrange: (machine) => {
      machine.files.delete('/sys/kernel/debug/kprobes/list');
      patchByte(machine, 10, 0xcc);
    },
    codes: ['kprobe-on-function'],
    found: /most likely a kprobe/,
  },
  {
    title: 'a jump when kprobes cannot be listed',
    arrange: (machine) => {
      machine.files.delete('/sys/kernel/debug/kprobes/list');
      patchByte(machine, 10, 0xe9);
    },
    codes: ['kprobe-on-function'],
    found: /optimized kprobe/,
  },
  {
    title: 'a kprobe at the start, which changes no byte that is compared',
    arrange: (machine) =>
      void machine.files.set(
        '/sys/kernel/debug/kprobes/list',
        'ffffffff83100000  k  sock_wfree+0x0    [FTRACE]\n',
      ),
    codes: ['kprobe-on-function'],
    found: /a kprobe is set at sock_wfree\+0x0$/,
  },
  {
    title: 'a disabled kretprobe',
    arrange: (machine) =>
      void machine.files.set(
        '/sys/kernel/debug/kprobes/list',
        'ffffffff83100105  r  init_once+0x5    [DISABLED]\n',
      ),
    codes: ['kprobe-on-function'],
    found: /a kretprobe is set at init_once\+0x5 \(disabled\)/,
  },
  {
    title: 'a tracer that redirects the function',
    arrange: (machine) =>
      void machine.files.set(
        '/sys/kernel/tracing/enabled_functions',
        'sock_wfree (1) R I   ->evil_handler+0x0/0x10\n',
      ),
    codes: ['function-held-by-tracer'],
    found: /evil_handler/,
  },
  {
    title: "somebody else's live patch on the function",
    arrange: (machine) => {
      machine.loadable.set('kpatch_7', new Map([['vmlinux', ['init_once,2']]]));
      machine.load('kpatch_7');
      machine.pass(2000);
    },
    codes: ['function-held-by-livepatch'],
    found: /kpatch_7/,
  },
  {
    title: 'one of our updates on both functions that this one does not require',
    arrange: (machine) => {
      machine.load('resplice_fix_two');
      machine.pass(2000);
    },
    codes: ['function-held-by-update', 'function-held-by-update'],
    found: /fix_two/,
  },
  {
    title: 'a required update that is missing',
    arrange: () => {},
    update: makeUpdate('fix_one', { requires: ['fix_two'] }),
    codes: ['required-update-missing'],
    found: /fix_two/,
  },
  {
    title: 'a required update that is not yet complete',
    arrange: (machine) => void machine.load('resplice_fix_two'),
    update: makeUpdate('fix_one', { requires: ['fix_two'] }),
    codes: ['transition-running', 'required-update-missing'],
    found: /fix_two/,
  },
  {
    title: "another live patch's transition",
    arrange: (machine) => {
      machine.loadable.set('kpatch_7', new Map([['vmlinux', ['other,1']]]));
      machine.load('kpatch_7');
    },
    codes: ['transition-running'],
    found: /kpatch_7 is still being applied/,
  },
  {
    title: 'its own module left behind',
    arrange: (machine) => {
      machine.loadable.clear();
      machine.load('resplice_fix_one');
    },
    codes: ['module-left-behind'],
    found: /replaces nothing/,
  },
  {
    title: 'a loaded module of another build, and then does not compare its code',
    arrange: (machine) => {
      loadDummy(machine, 'bb'.repeat(20));
      machine.core = machine.core.slice(0, 1);
    },
    update: WITH_MODULE,
    codes: ['other-module-build'],
    found: /bbbb.*expected 8fe4/,
  },
  {
    title: 'a module that must not be loaded yet',
    arrange: loadDummy,
    update: makeUpdate('fix_one', {
      requiresUnloaded: [
        { module: 'dummy', because: ['struct dummy: it grows'] },
        { module: 'absent', because: ['struct absent: it grows'] },
      ],
    }),
    codes: ['module-loaded'],
    found: /cannot be brought up to date: struct dummy: it grows/,
  },
  {
    title: 'altered code in a module',
    arrange: (machine) => {
      loadDummy(machine);
      machine.core = [
        ...machine.core.slice(0, 1),
        { address: 0xffffffffc0100010n, bytes: Buffer.from('9055c3', 'hex') },
      ];
    },
    update: WITH_MODULE,
    codes: ['function-altered'],
    found: /differ/,
  },
  {
    title: 'another update under the id of an applied one',
    arrange: (machine) => {
      machine.load('resplice_fix_one');
      machine.pass(2000);
      machine.state.write('fix_one.splice', Buffer.from('something else'));
    },
    codes: ['update-id-taken'],
    found: /other contents/,
  },
];

for (const { title, arrange, update = makeUpdate('fix_one'), codes, found } of REFUSALS) {
  test(`refuses ${title}`, () => {
    const machine = makeMachine();
    arrange(machine);
    const verdict = checkApply(machine, update);
    assert.ok(!verdict.ok);
    assert.deepEqual(
      verdict.reasons.map(({ code }) => code),
      codes,
    );
    assert.match(verdict.reasons.map((reason) => reason.found).join('\n'), found);
  });
}

test('accepts a machine the update fits', () => {
  const verdict = checkApply(makeMachine(), makeUpdate('fix_one'));
  assert.ok(verdict.ok);
  const { code, ...rest } = verdict.value;
  assert.deepEqual(rest, { state: 'ready', pending: [], replaced: [], notes: [] });
  assert.deepEqual([...(code?.code.keys() ?? [])], ['vmlinux:sock_wfree,1', 'vmlinux:init_once,2']);
});

test('reports all reasons together', () => {
  const machine = makeMachine();
  machine.architecture = 'aarch64';
  machine.files.set('/proc/sys/kernel/modules_disabled', '1\n');
  machine.files.set('/sys/kernel/security/lockdown', 'none [integrity] confidentiality\n');
  machine.files.set('/sys/kernel/debug/kprobes/list', 'ffffffff83100000  k  sock_wfree+0x0    [FTRACE]\n');
  machine.kallsyms = KALLSYMS.replaceAll('init_once', 'gone');
  const verdict = checkApply(machine, makeUpdate('fix_one', { requires: ['fix_two'] }));
  assert.ok(!verdict.ok);
  assert.deepEqual(
    verdict.reasons.map(({ code }) => code),
    [
      'wrong-architecture',
      'modules-disabled',
      'module-must-be-signed',
      'required-update-missing',
      'kprobe-on-function',
      'function-not-found',
    ],
  );
});

test('shows both disassemblies of altered code, with what the kernel itself rewrites left equal', () => {
  const machine = makeMachine();
  patchByte(machine, 10, 0x55);
  const disassemble = (code: Uint8Array) => [
    { offset: 0, length: 5, text: Buffer.from(code.subarray(0, 5)).toString('hex') },
    { offset: 5, length: 5, text: Buffer.from(code.subarray(5, 10)).toString('hex') },
    { offset: 10, length: 2, text: Buffer.from(code.subarray(10, 12)).toString('hex') },
  ];
  const verdict = checkApply(machine, makeUpdate('fix_one'), { disassemble });
  assert.ok(!verdict.ok);
  assert.deepEqual(verdict.reasons[0]?.subject, { object: 'vmlinux', symbol: 'sock_wfree', offset: 10 });
  assert.deepEqual(verdict.reasons[0]?.evidence, [
    'expected:',
    '    +0x0    0f1f440000',
    '    +0x5    bf00004083',
    '  > +0xa    31c0',
    'found in memory:',
    '    +0x0    0f1f440000',
    '    +0x5    bf00004083',
    '  > +0xa    55c0',
  ]);
});

test('names modules that are not loaded as pending', () => {
  const verdict = checkApply(makeMachine(), WITH_MODULE);
  assert.ok(verdict.ok);
  assert.deepEqual(verdict.value.pending, ['dummy']);
});

test('compares the code of a module that is loaded', () => {
  const machine = makeMachine();
  loadDummy(machine);
  const verdict = checkApply(machine, WITH_MODULE);
  assert.ok(verdict.ok);
  assert.deepEqual(verdict.value.pending, []);
});

test('accepts a function that a required update replaces, whose original code still stands', () => {
  const machine = makeMachine();
  machine.load('resplice_fix_two');
  machine.pass(2000);
  machine.files.set(
    '/sys/kernel/tracing/enabled_functions',
    'sock_wfree (1)   I  \ttramp: 0x0 (klp_ftrace_handler+0x0/0x1)\n',
  );
  assert.ok(checkApply(machine, makeUpdate('fix_one', { requires: ['fix_two'] })).ok);
});

test('says of an applied update that it is applied, whatever else would stand against it', () => {
  const machine = makeMachine();
  const update = makeUpdate('fix_one');
  machine.load('resplice_fix_one');
  machine.pass(2000);
  machine.state.write('fix_one.splice', update.archive);
  machine.files.set('/proc/sys/kernel/modules_disabled', '1\n');
  const verdict = checkApply(machine, update);
  assert.ok(verdict.ok);
  assert.equal(verdict.value.state, 'already-applied');
});

test('notes tracers that stay, and lists that could not be read', () => {
  const machine = makeMachine();
  machine.files.set(
    '/sys/kernel/tracing/enabled_functions',
    'sock_wfree (1)      \ttramp: 0x0 (function_trace_call+0x0/0x120)\n',
  );
  machine.files.delete('/sys/kernel/debug/kprobes/list');
  const verdict = checkApply(machine, makeUpdate('fix_one'));
  assert.ok(verdict.ok);
  assert.match(
    verdict.value.notes.join('\n'),
    /debugfs is not mounted.*sock_wfree: a function tracer sits on it \(function_trace_call\)/s,
  );
});

test('leaves a redirection of a same-named function to the kernel to judge', () => {
  const machine = makeMachine();
  machine.files.set('/sys/kernel/tracing/enabled_functions', 'init_once (1)   I   ->handler+0x0/0x1\n');
  assert.ok(checkApply(machine, makeUpdate('fix_one')).ok);
});

const CONTRADICTIONS: readonly (readonly [string, ApplicableUpdate])[] = [
  [
    'a module of another name',
    makeUpdate('fix_one', { module: { ...makeUpdate('x').manifest.module, name: 'nvme' } }),
  ],
  ['code of another size', makeUpdate('fix_one', { objects: [withFunction({ size: 3 })] })],
  [
    'a function of vmlinux without address',
    makeUpdate('fix_one', { objects: [withFunction({ address: null })] }),
  ],
  [
    'a site outside of the code',
    makeUpdate('fix_one', { objects: [withFunction({ sites: [{ at: 10, length: 8, kind: 'abs64' }] })] }),
  ],
];

function withFunction(change: object) {
  const object = makeObject('vmlinux', [FIRST]);
  return { ...object, functions: object.functions.map((each) => ({ ...each, ...change })) };
}

for (const [title, update] of CONTRADICTIONS) {
  test(`throws on a manifest with ${title}`, () => {
    const machine = makeMachine();
    allow(machine, update);
    assert.throws(() => checkApply(machine, update), { code: 'manifest-contradicts-itself' });
  });
}
