import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parsePatch } from '../../src/patch/diff-parser.js';
import { applyPatches } from '../../src/patch/patch-stack.js';
import { type Atom, listAtoms } from '../../src/split/atom.js';
import { outlineSource } from '../../src/split/c-outline.js';
import { tieSubjects } from '../../src/split/changelog-tie.js';
import { tieAtoms } from '../../src/split/tie-atoms.js';
import { encodeUnitPatch } from '../../src/split/unit-patch.js';

interface Change {
  readonly before: string;
  readonly after: string;
}

/** A unified diff without context that joins neighbours: one hunk for each run of changed lines. */
function makeDiff(path: string, { before, after }: Change): string {
  const [old, fresh] = [before.split('\n'), after.split('\n')];
  assert.equal(old.length, fresh.length, 'the test changes lines in place');
  const hunks: string[] = [];
  for (let line = 0; line < old.length; line++) {
    if (old[line] === fresh[line]) continue;
    const place = `${line + 1},1`;
    hunks.push(`@@ -${place} +${place} @@\n-${old[line]}\n+${fresh[line]}\n`);
  }
  return `--- a/${path}\n+++ b/${path}\n${hunks.join('')}`;
}

function listChanged(changes: ReadonlyMap<string, Change>): readonly Atom[] {
  return [...changes].flatMap(([path, change]) => {
    const { files } = parsePatch(makeDiff(path, change), 'test');
    return files.flatMap((file) => listAtoms(path, file, change));
  });
}

function tie(changes: ReadonlyMap<string, Change>): readonly (readonly Atom[])[] {
  const has = (path: string, name: string) =>
    new RegExp(`\\b${name}\\b`).test(changes.get(path)?.before ?? '');
  const count = (name: string) => [...changes.keys()].filter((path) => has(path, name)).length;
  return tieAtoms(listChanged(changes), { has, count });
}

const lines = (...text: string[]) => text.join('\n');

test('the outline knows functions, macros, tables, structures and system calls by name', () => {
  const text = lines(
    '#include <linux/fs.h>',
    '#define TWICE(x) \\',
    '\t((x) * 2)',
    'struct pair {',
    '\tint a; /* } */',
    '};',
    'static const int table[] = {',
    '\t1,',
    '};',
    '__printf(1, 2) int say(const char *format, ...);',
    'static int add(struct pair *p)',
    '\t__must_hold(&lock)',
    '{',
    '\tif (p) {',
    "\t\treturn '{';",
    '\t}',
    '\treturn 0;',
    '}',
    'SYSCALL_DEFINE1(close, unsigned int, fd)',
    '{',
    '}',
    'static int counter __read_mostly = 1;',
  );
  const found = outlineSource(text).map(({ kind, name, start, end }) => `${kind} ${name} ${start}-${end}`);
  assert.deepEqual(found, [
    'include  1-1',
    'macro TWICE 2-3',
    'aggregate pair 4-6',
    'object table 7-9',
    'function say 10-10',
    'function add 11-18',
    'function close 19-21',
    'object counter 22-22',
  ]);
});

test('the outline of any text ends and stays inside the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab{}();=#\n"\'/*\\ ,'), maxLength: 300 }), (text) => {
      const last = text.split('\n').length;
      return outlineSource(text).every(({ start, end }) => start >= 1 && start <= end && end <= last);
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('two functions of one file that share nothing are two units', () => {
  const before = lines('int f(void)', '{', '\treturn 1;', '}', 'int g(void)', '{', '\treturn 2;', '}');
  const after = before.replace('return 1', 'return 3').replace('return 2', 'return 4');
  assert.equal(tie(new Map([['a.c', { before, after }]])).length, 2);
});

test('hunks of one function are one unit', () => {
  const before = lines('int f(void)', '{', '\tint a = 1;', '\tint b;', '\treturn a;', '}');
  const after = before.replace('a = 1', 'a = 2').replace('return a', 'return a + 1');
  assert.equal(tie(new Map([['a.c', { before, after }]])).length, 1);
});

test('a new member in a header is tied with the file that begins to use it, not with one that has another of that name', () => {
  const header = {
    before: lines('struct thing {', '\tint a;', '', '};'),
    after: lines('struct thing {', '\tint a;', '\tint armed;', '};'),
  };
  const body = (line: string) => lines('int f(struct thing *t)', '{', line, '}');
  const groups = tie(
    new Map([
      ['include/linux/thing.h', header],
      ['net/user.c', { before: body('\treturn 0;'), after: body('\treturn t->armed;') }],
      ['fs/other.c', { before: body('\treturn q->armed;'), after: body('\treturn q->armed + r->armed;') }],
    ]),
  );
  assert.deepEqual(
    groups.map((group) => group.map(({ path }) => path)),
    [['include/linux/thing.h', 'net/user.c'], ['fs/other.c']],
  );
});

test('a function with other parameters is tied with its callers', () => {
  const before = lines(
    'static int f(int a)',
    '{',
    '\treturn a;',
    '}',
    'int g(void)',
    '{',
    '\treturn f(1);',
    '}',
  );
  const after = before.replace('f(int a)', 'f(int a, int b)').replace('f(1)', 'f(1, 2)');
  assert.equal(tie(new Map([['a.c', { before, after }]])).length, 1);
});

test('a common word ties as a member only what reaches it as one, beside its header', () => {
  const header = {
    before: lines('struct ctx {', '\tint a;', '', '};'),
    after: lines('struct ctx {', '\tint a;', '\tint sbi;', '};'),
  };
  const body = (line: string) => ({
    before: lines('int f(struct ctx *c)', '{', '\treturn 0;', '}'),
    after: lines('int f(struct ctx *c)', '{', line, '}'),
  });
  const changes = new Map([
    ['fs/f2fs/f2fs.h', header],
    ['fs/f2fs/compress.c', body('\treturn c->sbi;')],
    ['fs/f2fs/dir.c', body('\treturn sbi;')],
    ['fs/ext4/dir.c', body('\treturn c->sbi;')],
  ]);
  const groups = tieAtoms(listChanged(changes), {
    has: (path, name) => name !== 'ctx' || path.startsWith('fs/f2fs'),
    count: () => 400,
  });
  assert.deepEqual(
    groups.map((group) => group.map(({ path }) => path)),
    [['fs/f2fs/f2fs.h', 'fs/f2fs/compress.c'], ['fs/f2fs/dir.c'], ['fs/ext4/dir.c']],
  );
});

test('a call that changes in a line without the name of the function is tied with the function', () => {
  const body = ['{', '\treturn 0;', '}', 'int g(void)', '{', '\treturn call(1,'];
  const before = lines('static int call(int a, int b)', ...body, '\t\t2);', '}');
  const after = lines('static int call(int a)', ...body, '\t\t);', '}');
  const change = { before, after };
  const [file] = parsePatch(
    '--- a/a.c\n+++ b/a.c\n@@ -1,1 +1,1 @@\n-static int call(int a, int b)\n+static int call(int a)\n@@ -7,2 +7,2 @@\n \treturn call(1,\n-\t\t2);\n+\t\t);\n',
    'test',
  ).files;
  assert.ok(file);
  assert.equal(tieAtoms(listAtoms('a.c', file, change), { has: () => true, count: () => 1 }).length, 1);
});

test('a trace event is known by the function it declares', () => {
  const names = outlineSource(
    'TRACE_EVENT(ocfs2_fault,\n\tTP_PROTO(int a)\n);\nDEFINE_EVENT(klass, other,\n\tTP_PROTO(int a)\n);',
  );
  assert.deepEqual(
    names.map(({ name }) => name),
    ['trace_ocfs2_fault', 'trace_other'],
  );
});

test('a word of a comment ties nothing', () => {
  const header = {
    before: lines('struct s {', '\t/* a', '\t * lock', '\t */', '\tint a;', '};'),
    after: lines('struct s {', '\t/* a', '\t * wakeup', '\t */', '\tint b;', '};'),
  };
  const user = {
    before: lines('int f(void)', '{', '\treturn 0;', '}'),
    after: lines('int f(void)', '{', '\treturn wakeup();', '}'),
  };
  const groups = tie(
    new Map([
      ['include/linux/s.h', header],
      ['net/user.c', user],
    ]),
  );
  assert.equal(groups.length, 2);
});

test('units applied in any order give the new text, and each applies alone', async () => {
  const body = (name: string, value: number) =>
    lines(`int ${name}(void)`, '{', `\treturn ${value};`, '}', '');
  const names = ['f', 'g', 'h', 'i', 'j'];
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 5, maxLength: 5 }),
      fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }),
      async (values, order) => {
        const before = names.map((name) => body(name, 0)).join('');
        const after = names.map((name, index) => body(name, values[index] ?? 0)).join('');
        if (before === after) return;
        const units = tie(new Map([['a.c', { before, after }]])).map((group) => encodeUnitPatch(group));
        assert.equal(units.length, values.filter((value) => value !== 0).length);
        let text = before;
        for (const index of order) {
          const unit = units[index];
          if (unit === undefined) continue;
          await applyPatches([parsePatch(unit, 'alone')], async () => Buffer.from(before, 'latin1'));
          const current = text;
          const applied = await applyPatches([parsePatch(unit, 'unit')], async () =>
            Buffer.from(current, 'latin1'),
          );
          text = Buffer.from(applied.get('a.c')?.after ?? new Uint8Array(0)).toString('latin1');
        }
        assert.equal(text, after);
      },
    ),
    { seed: 2, numRuns: 60 },
  );
});

test('a subject that names the changed function of one unit is tied for certain, a vague one is not', () => {
  const body = (name: string, value: number) => lines(`int ${name}(void)`, '{', `\treturn ${value};`, '}');
  const units = tie(
    new Map([
      ['net/core/sock.c', { before: body('sock_wfree', 1), after: body('sock_wfree', 2) }],
      ['net/core/dev.c', { before: body('netif_rx', 1), after: body('netif_rx', 2) }],
      ['fs/exec.c', { before: body('do_open_execat', 1), after: body('do_open_execat', 2) }],
    ]),
  );
  const { ties, untied } = tieSubjects(units, [
    { subject: 'net: core: fix race in sock_wfree()', cves: ['CVE-2026-10000'] },
    { subject: 'net: fix a leak', cves: ['CVE-2026-10001'] },
    { subject: 'wifi: iwlwifi: fix a leak', cves: ['CVE-2026-10002'] },
  ]);
  assert.deepEqual(
    ties[0]?.map(({ cves, confidence }) => [...cves, confidence]),
    [
      ['CVE-2026-10000', 'certain'],
      ['CVE-2026-10001', 'possible'],
    ],
  );
  assert.deepEqual(
    ties[1]?.map(({ confidence }) => confidence),
    ['possible'],
  );
  assert.deepEqual(ties[2], []);
  assert.deepEqual(
    untied.map(({ cves }) => cves[0]),
    ['CVE-2026-10002'],
  );
});

test('a function whose name begins with two underscores has a name; an attribute behind a name is none', () => {
  const names = outlineSource(
    lines(
      'static void __flush(struct log *l)',
      '{',
      '}',
      'static struct log *__find(int a) { return 0; }',
      'static int table[4] __aligned(64);',
      'static u32 counter __ro_after_init;',
      'static __always_inline void __f(int a) { }',
      'static unsigned long __state;',
      'static int __init_pool(int a) { }',
      'static int lock __cacheline_aligned_in_smp;',
      'int g(int a) __must_hold(&lock);',
    ),
  );
  assert.deepEqual(
    names.map(({ name }) => name),
    ['__flush', '__find', 'table', 'counter', '__f', '__state', '__init_pool', 'lock', 'g'],
  );
});

test('a prototype that an earlier caller needs is tied with it, one that moves ties nothing', () => {
  const before = lines(
    '',
    'int g(void)',
    '{',
    '\treturn 0;',
    '}',
    '',
    'static int f(int a)',
    '{',
    '\treturn a;',
    '}',
  );
  const after = before
    .replace('\nint g', 'static int f(int a);\nint g')
    .replace('return 0', 'return f(1)')
    .replace(/^\n/, '');
  assert.equal(tie(new Map([['a.c', { before, after }]])).length, 1);
});

const tiedFiles = (changes: ReadonlyMap<string, Change>) =>
  tie(changes).map((group) => [...new Set(group.map(({ path }) => path))].join(' '));

test('a member of a structure without a tag is tied with its users in the file', () => {
  const before = lines('static struct {', '\tint a;', '', '} state;', 'int f(void)', '{', '\treturn 0;', '}');
  const after = before.replace('\n\n', '\n\tint count;\n').replace('return 0', 'return state.count');
  assert.equal(tie(new Map([['a.c', { before, after }]])).length, 1);
});

test('a name that a macro of a header lists is tied with who begins to use it', () => {
  const header = {
    before: lines('#define TRACES \\', '\tEM(see_one, "ONE") \\', '\tEM(see_two, "TWO")'),
    after: lines(
      '#define TRACES \\',
      '\tEM(see_one, "ONE") EM(see_requeue, "RE") \\',
      '\tEM(see_two, "TWO")',
    ),
  };
  const user = {
    before: lines('int f(void)', '{', '\treturn 0;', '}'),
    after: lines('int f(void)', '{', '\treturn trace(see_requeue);', '}'),
  };
  const other = {
    before: lines('int g(void)', '{', '\treturn 0;', '}'),
    after: lines('int g(void)', '{', '\treturn trace(see_one);', '}'),
  };
  const changes = new Map([
    ['include/trace/events/x.h', header],
    ['net/x/recv.c', user],
    ['net/y/send.c', other],
  ]);
  assert.deepEqual(tiedFiles(changes), ['include/trace/events/x.h net/x/recv.c', 'net/y/send.c']);
});

test('another signature of a function is tied with that of the member which holds it', () => {
  const table = lines('', 'static const struct ops o = {', '\t.late_init = my_late_init,', '};');
  const before = `${lines('static void my_late_init(struct nor *n)', '{', '}')}${table}`;
  const changes = new Map([
    [
      'drivers/nor/core.h',
      {
        before: lines('struct ops {', '\tint a;', '\tvoid (*late_init)(struct nor *n);', '};'),
        after: lines('struct ops {', '\tint a;', '\tint (*late_init)(struct nor *n);', '};'),
      },
    ],
    ['drivers/nor/chip.c', { before, after: before.replace('static void', 'static int') }],
  ]);
  assert.deepEqual(tiedFiles(changes), ['drivers/nor/core.h drivers/nor/chip.c']);
});

test('a member is known by its whole declaration, whichever line of it changes', () => {
  const header = {
    before: lines('struct ops {', '\tint (*migrate)(int a,', '\t\tint b);', '};'),
    after: lines('struct ops {', '\tint (*migrate)(int a,', '\t\tint b, int netns);', '};'),
  };
  const [atom] = listChanged(new Map([['include/net/x.h', header]]));
  assert.deepEqual([...(atom?.resigned ?? [])], ['migrate']);
});

test('a name that a new line of a header pastes together is tied with who begins to use it', () => {
  const header = (line: string) => lines('#define ACCESSORS(n) int dev_##n(void);', line);
  const body = (line: string) => lines('int f(void)', '{', line, '}');
  const changes = new Map([
    ['include/linux/device.h', { before: header(''), after: header('ACCESSORS(ready_to_probe);') }],
    ['drivers/base/dd.c', { before: body('return 0;'), after: body('return dev_ready_to_probe();') }],
    ['drivers/base/other.c', { before: body('return 0;'), after: body('return to_probe();') }],
  ]);
  assert.deepEqual(tiedFiles(changes), ['include/linux/device.h drivers/base/dd.c', 'drivers/base/other.c']);
});

test('a common word is the member where the file knows the structure', () => {
  const header = {
    before: lines('struct kvm_fragment {', '\tint a;', '};'),
    after: lines('struct kvm_fragment {', '\tint a; int val;', '};'),
  };
  const body = (tag: string, line: string) => lines(`int f(struct ${tag} *p)`, '{', line, '}');
  const changes = new Map([
    ['include/linux/kvm_host.h', header],
    [
      'arch/x86/x.c',
      { before: body('kvm_fragment', 'return 0;'), after: body('kvm_fragment', 'return p->val;') },
    ],
    ['net/y.c', { before: body('other', 'return 0;'), after: body('other', 'return p->val;') }],
  ]);
  const has = (path: string, name: string) =>
    new RegExp(`\\b${name}\\b`).test(changes.get(path)?.before ?? '');
  const groups = tieAtoms(listChanged(changes), { has, count: (name) => (name === 'val' ? 400 : 1) });
  assert.deepEqual(
    groups.map((group) => group.map(({ path }) => path)),
    [['include/linux/kvm_host.h', 'arch/x86/x.c'], ['net/y.c']],
  );
});

test('a per-CPU variable that becomes a member takes the lines with it that keep the word', () => {
  const before = lines(
    'DECLARE_PER_CPU(u32, kstack_offset);',
    'int f(void)',
    '{',
    '\treturn read(kstack_offset);',
    '}',
  );
  const after = before
    .replace('DECLARE_PER_CPU(u32, kstack_offset);', '')
    .replace('read(kstack_offset)', 'read(current->kstack_offset)');
  assert.equal(tie(new Map([['include/linux/a.h', { before, after }]])).length, 1);
});

test('a prefix of a subject fits a path by its pieces, by the directory it stands for, and without a space behind its colon', () => {
  const body = (name: string, value: number) => lines(`int ${name}(void)`, '{', `\treturn ${value};`, '}');
  const paths = [
    'drivers/md/dm-thin-metadata.c',
    'drivers/char/ipmi/ipmi_ssif.c',
    'drivers/net/hyperv/netvsc.c',
    'net/ipv4/ah4.c',
    'drivers/nvme/target/tcp.c',
    'fs/exec.c',
  ];
  const units = tie(
    new Map(paths.map((path, at) => [path, { before: body(`f${at}`, 1), after: body(`f${at}`, 2) }])),
  );
  const subjects = [
    'dm-thin: fix an underflow',
    'ipmi:ssif: clean up on errors',
    'hv_netvsc: use a local page',
    'xfrm: ah: account for high bits',
    'nvmet-tcp: propagate errors',
  ];
  const { ties } = tieSubjects(
    units,
    subjects.map((subject) => ({ subject, cves: [] })),
  );
  assert.deepEqual(
    ties.map((tied) => tied.map(({ subject }) => subject)),
    [...subjects.map((subject) => [subject]), []],
  );
});

test('a plain word that two structures begin to have is tied with the user that knows the structure', () => {
  const struct = (tag: string, line: string) => lines(`struct ${tag} {`, '\tint a;', line, '};');
  const body = (tag: string, line: string) => lines(`int f(struct ${tag} *p)`, '{', line, '}');
  const changes = new Map([
    ['drivers/mt76/mt7915.h', { before: struct('mt', ''), after: struct('mt', '\tint coredump;') }],
    [
      'include/net/bluetooth/hci_core.h',
      { before: struct('hci', ''), after: struct('hci', '\tint coredump;') },
    ],
    ['drivers/net/far.c', { before: body('hci', 'return 0;'), after: body('hci', 'return p->coredump;') }],
  ]);
  assert.deepEqual(tiedFiles(changes), [
    'drivers/mt76/mt7915.h',
    'include/net/bluetooth/hci_core.h drivers/net/far.c',
  ]);
});

test('words that many structures use tie no files that have nothing to do with each other', () => {
  const struct = (tag: string, line: string) => lines(`struct ${tag} {`, '\tint a;', line, '};');
  const body = (line: string) => lines('int f(void)', '{', line, '}');
  const added = (tag: string, line: string) => ({ before: struct(tag, ''), after: struct(tag, line) });
  const changes = new Map([
    // A structure of a source, and one of a header.
    ['arch/x86/events/amd/uncore.c', added('uncore', '\tint flags;')],
    ['kernel/cgroup/cpuset-internal.h', added('cpuset', '\tint flags;')],
    // core.h of one driver, and a directory of that name.
    ['drivers/usb/dwc3/core.h', added('dwc3', '\tint dev;')],
    ['drivers/cxl/core/hdm.c', { before: body('return 0;'), after: body('return p->dev;') }],
    // A topic of include/net, and a file of that name.
    ['include/net/bluetooth/coredump.h', added('dump', '\tint len;')],
    ['drivers/mt7915/coredump.c', { before: body('return 0;'), after: body('return p->len;') }],
    // A conditional is no member.
    ['drivers/mt7915/mt7915.h', added('mt', '#ifdef CONFIG_DEV_COREDUMP')],
    ['net/bluetooth/a.c', { before: '', after: '#ifdef CONFIG_DEV_COREDUMP' }],
  ]);
  const has = (path: string, name: string) => (changes.get(path)?.before ?? '').includes(name);
  const groups = tieAtoms(listChanged(changes), { has, count: () => 400 });
  assert.equal(groups.length, changes.size);
});
