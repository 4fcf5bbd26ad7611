import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import {
  findChangedNumbers,
  findListings,
  listingCommand,
  openReads,
  readNumbers,
} from '../../src/tree/offset-listing.js';
import { fakeTree, hostCompiler } from './fixture.js';

const home = await mkdtemp(join(tmpdir(), 'resplice-listing-'));
after(() => rm(home, { recursive: true }));
const compiler = await hostCompiler();
const patched = join(home, 'patched');

const TASK = 'struct task { int flags; long stack; };\n';
const FILES = {
  'kernel/offsets.c': `#include "task.h"
#define DEFINE(sym, val) asm volatile("\\n.ascii \\"->" #sym " %0 " #val "\\"" : : "i" (val))
int main(void)
{
	DEFINE(TASK_STACK, __builtin_offsetof(struct task, stack));
	DEFINE(TASK_FLAGS, __builtin_offsetof(struct task, flags));
}
`,
  'kernel/task.h': TASK,
  'kernel/.offsets.s.cmd': `savedcmd_kernel/offsets.s := ${compiler} -Wp,-MMD,kernel/.offsets.s.d -DNAME='"a b"' -O2 -S -o kernel/offsets.s kernel/offsets.c

source_kernel/offsets.s := kernel/offsets.c

deps_kernel/offsets.s := \\
    $(wildcard include/config/SMP) \\
  kernel/task.h \\
`,
};
for (const [path, text] of Object.entries(FILES)) {
  await mkdir(dirname(join(home, 'linux', path)), { recursive: true });
  await writeFile(join(home, 'linux', path), text);
}
const HEADER = {
  targets: ['include/generated/offsets.h'],
  command: `set -e; { echo "#ifndef __OFFSETS_H__"; sed -ne 's:x:y:' < kernel/offsets.s; } > include/generated/.offsets.h.tmp`,
};
const OTHER = { targets: ['lib/crc32table.h'], command: 'lib/gen_crc32table > lib/crc32table.h' };
const tree = fakeTree(home, compiler, ['kernel/a.c'], [], [HEADER, OTHER]);
const LISTING = {
  listing: 'kernel/offsets.s',
  header: 'include/generated/offsets.h',
  source: 'kernel/offsets.c',
};

test('finds what headers of numbers are made from, and what those read', async () => {
  assert.deepEqual(findListings(tree), [LISTING]);
  const reads = await openReads(tree, LISTING);
  assert.equal(reads('kernel/task.h'), true);
  assert.equal(reads('kernel/offsets.c'), true);
  assert.equal(reads('kernel/sched.h'), false);
  const unknown = await openReads(tree, { ...LISTING, listing: 'kernel/unknown.s' });
  assert.equal(unknown('kernel/sched.h'), true);
});

test('tells which numbers a patched header changes, and leaves no file behind', async () => {
  const changed = async (text: string) => {
    await cp(join(home, 'linux'), patched, { recursive: true });
    await writeFile(join(patched, 'kernel/task.h'), text);
    return findChangedNumbers(tree, patched, [LISTING], {});
  };
  assert.deepEqual(await changed(`/* a task */\n${TASK}`), []);
  assert.deepEqual(await changed('struct task { int flags; long cookie, stack; };\n'), [
    { header: 'include/generated/offsets.h', name: 'TASK_STACK', before: '8', after: '16' },
  ]);
  await assert.rejects(changed('struct task { };\n'), { code: 'does-not-compile' });
});

test('reads the numbers of a listing, and takes from a command what it writes', () => {
  const lines =
    '#APP\n\n.ascii "->NR_ZONES $5 __MAX_NR_ZONES"\t#\n.ascii "->"\n\t.ascii "->PTREGS_SIZE $168 sizeof(struct pt_regs)"\n';
  assert.deepEqual(
    [...readNumbers(lines)],
    [
      ['NR_ZONES', '5'],
      ['PTREGS_SIZE', '168'],
    ],
  );
  assert.deepEqual(listingCommand(`gcc -Wp,-MMD,a/.b.s.d -DX='"b"' -S -o a/b.s a/b.c`), [
    'gcc',
    '-DX="b"',
    '-S',
    '-o',
    '-',
    'a/b.c',
  ]);
});
