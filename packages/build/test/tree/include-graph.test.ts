import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { InputError } from '@resplice/report';
import {
  findIncluders,
  listDependencies,
  narrowIncluders,
  parseDependencies,
  readIncludeGraph,
} from '../../src/tree/include-graph.js';
import { scanIncludes } from '../../src/tree/include-scan.js';
import { findPathRoles, isUnused } from '../../src/tree/path-role.js';
import { fakeTree, hostCompiler } from './fixture.js';

const home = await mkdtemp(join(tmpdir(), 'resplice-include-'));
after(() => rm(home, { recursive: true }));

const FILES = {
  'include/always.h': '#define ALWAYS 1\n',
  'include/linux/fs.h': '#include <linux/types.h>\n#include <asm/page.h>\n',
  'include/linux/types.h': 'typedef int t;\n',
  'arch/include/asm/page.h': '#ifdef NEVER\n# include "generic.h"\n#endif\n',
  'arch/include/asm/generic.h': '',
  'include/trace/define.h': '#include TRACE_INCLUDE(TRACE_INCLUDE_FILE)\n',
  'include/trace/events/odd.h': '#define TRACE_SYSTEM other\n#include <trace/define.h>\n',
  'include/trace/events/other.h': '',
  'arch/arm64/include/trace/events/other.h': '',
  'fs/a.c': '#include <linux/fs.h>\n#include "local.h"\nint a;\n',
  'fs/local.h': '#define MAGIC_FILE <linux/magic.h>\n#include MAGIC_FILE\n',
  'include/linux/magic.h': '',
  'fs/b.c': '#include "part.c"\nint b;\n',
  'fs/part.c': '#include "shared.h"\n',
  'net/shared.h': '',
  'include/shared.h': '',
  'net/c.c': '#include "shared.h"\n#include \\\n  <trace/events/odd.h>\nint c;\n',
  'net/d.S': '#include <linux/types.h>\n.include "macros.inc"\n',
  'net/macros.inc': '',
  'net/unused.h': '',
  'other/linux/types.h': '',
  'include/trace/define_trace.h': `#define STRING(x) #x
#define PATH(x, y) STRING(x/y.h)
#define FILE(x) PATH(TRACE_INCLUDE_PATH, x)
#include FILE(TRACE_INCLUDE_FILE)
`,
  'drivers/a/trace.h': traceHeader('.'),
  'drivers/b/trace.h': traceHeader('../../drivers/b'),
  'drivers/c/trace.h': traceHeader(undefined),
  'drivers/a/a.c': '#include "trace.h"\n#include "common.h"\nint a;\n',
  'drivers/b/b.c': '#include "trace.h"\n#include "common.h"\nint b;\n',
  'drivers/c/c.c': '#include "trace.h"\nint c;\n',
  'drivers/a/x/common.h': '',
  'drivers/b/x/common.h': '',
} as const;

function traceHeader(path: string | undefined): string {
  const define = path === undefined ? '' : `#define TRACE_INCLUDE_PATH ${path}\n`;
  return `#ifndef TRACE_INCLUDE_FILE\n${define}#define TRACE_INCLUDE_FILE trace\n#include <trace/define_trace.h>\n#endif\n`;
}

for (const [path, text] of Object.entries(FILES)) {
  await mkdir(dirname(join(home, 'linux', path)), { recursive: true });
  await writeFile(join(home, 'linux', path), text);
}
const drivers = ['drivers/a/a.c', 'drivers/b/b.c', 'drivers/c/c.c'];
const sources = ['fs/a.c', 'fs/b.c', 'net/c.c', 'net/d.S', ...drivers];
const flags = ['-I./include', '-I', 'arch/include', '-Inet', '-include', './include/always.h', '-std=c11'];
const own = {
  'drivers/a/a.c': ['-I', 'drivers/a', '-Idrivers/a//x/'],
  'drivers/b/b.c': ['-iquote', 'drivers/b/x'],
  'drivers/c/c.c': ['-DTRACE_INCLUDE_PATH=../../drivers/c'],
};
const tree = fakeTree(home, await hostCompiler(), sources, flags, [], own);
await writeFile(join(home, 'linux/.config'), '');

async function assertIncluders(header: string, objects: readonly string[]): Promise<void> {
  assert.deepEqual(await findIncluders(tree, [header]), objects, header);
}

test('follows includes transitively, whatever the conditions around them', async () => {
  await assertIncluders('include/linux/types.h', ['fs/a.o', 'net/d.o']);
  await assertIncluders('arch/include/asm/page.h', ['fs/a.o']);
  await assertIncluders('arch/include/asm/generic.h', ['fs/a.o']);
  await assertIncluders('net/unused.h', []);
});

test('follows included sources, forced includes, named headers, trace headers and the assembler', async () => {
  await assertIncluders('fs/part.c', ['fs/b.o']);
  await assertIncluders(
    'include/always.h',
    sources.map((source) => source.replace(/\.[cS]$/, '.o')),
  );
  await assertIncluders('include/linux/magic.h', ['fs/a.o']);
  await assertIncluders('include/trace/events/other.h', ['net/c.o']);
  await assertIncluders('net/macros.inc', ['net/d.o']);
});

test('a quoted name is the file beside the includer, else any that -I could give', async () => {
  // net/c.c finds net/shared.h beside it; fs/part.c may find either, depending on the order of -I.
  await assertIncluders('net/shared.h', ['fs/b.o', 'net/c.o']);
  await assertIncluders('include/shared.h', ['fs/b.o']);
});

test('an object finds what is in the directories that it names itself', async () => {
  await assertIncluders('drivers/a/x/common.h', ['drivers/a/a.o']);
  await assertIncluders('drivers/b/x/common.h', ['drivers/b/b.o']);
});

test('a trace header is read again by the name that it says, or where another one says', async () => {
  await assertIncluders('drivers/a/trace.h', ['drivers/a/a.o', 'drivers/c/c.o']);
  // c.c says on its command line what path it means, and so any trace.h is possible.
  await assertIncluders('drivers/b/trace.h', ['drivers/b/b.o', 'drivers/c/c.o']);
  await assertIncluders('drivers/c/trace.h', ['drivers/c/c.o']);
});

test('an index that is damaged, of another version or not there is made anew', async () => {
  const file = join(home, 'includes.json');
  const found = await findIncluders(tree, ['fs/local.h']);
  for (const left of ['{"format": 2}', '{"for', undefined]) {
    if (left === undefined) await rm(file);
    else await writeFile(file, left);
    assert.deepEqual(await findIncluders({ ...tree }, ['fs/local.h']), found);
    assert.match(await readFile(file, 'utf8'), /"fs\/local\.h"/);
  }
});

test('a new header concerns whoever asks for a name it answers', async () => {
  await assertIncluders('arch/include/linux/types.h', ['fs/a.o', 'net/d.o']);
  await assertIncluders('include/linux/brand-new.h', []);
});

test('a source is its own includer; several headers are united', async () => {
  await assertIncluders('net/c.c', ['net/c.o']);
  assert.deepEqual(await findIncluders(tree, ['fs/part.c', 'fs/local.h']), ['fs/a.o', 'fs/b.o']);
});

test('what gcc reads is inside what the graph allows, and narrowing is exact', async () => {
  const graph = await readIncludeGraph(tree);
  for (const object of ['fs/a.o', 'fs/b.o', 'drivers/a/a.o', 'drivers/b/b.o', 'drivers/c/c.o']) {
    const allowed = graph.findIncluded(object);
    for (const path of await listDependencies(tree, tree.directory, object))
      assert.ok(allowed.has(path), `${object}: ${path}`);
  }
  const header = 'arch/include/asm/generic.h';
  assert.deepEqual(await narrowIncluders(tree, tree.directory, ['fs/a.o'], [header]), []);
  assert.deepEqual(await narrowIncluders(tree, tree.directory, ['fs/a.o', 'fs/b.o'], ['fs/local.h']), [
    'fs/a.o',
  ]);
});

test('tells what a patched path means', async () => {
  const roles = await findPathRoles(tree, [
    'fs/a.c',
    'fs/local.h',
    'fs/Makefile',
    'net/unused.h',
    'arch/arm64/include/trace/events/other.h',
    'other/linux/types.h',
    'scripts/x.sh',
    'scripts/checkpatch.pl',
    'drivers/x.c',
  ]);
  assert.deepEqual(roles.get('fs/a.c')?.compiledTo, ['fs/a.o']);
  assert.equal(roles.get('fs/local.h')?.included, true);
  assert.equal(roles.get('fs/Makefile')?.buildRule, true);
  assert.equal(roles.get('scripts/x.sh')?.buildRule, true);
  for (const path of [
    'net/unused.h',
    'arch/arm64/include/trace/events/other.h',
    'other/linux/types.h',
    'scripts/checkpatch.pl',
    'drivers/x.c',
  ]) {
    const found = roles.get(path);
    assert.ok(found !== undefined && isUnused(found), path);
  }
});

test('scans odd spellings', () => {
  const names = (text: string): readonly string[] =>
    scanIncludes(text, false, undefined).names.map(({ style, name }) => `${style} ${name}`);
  assert.deepEqual(names(' \t# \tinclude\t"a.h"\n'), ['quoted a.h']);
  assert.deepEqual(names('#include<a.h>'), ['angled a.h']);
  assert.deepEqual(names('#include_next /* why */ <a.h>\n'), ['angled a.h']);
  assert.deepEqual(names('#if defined(__has_include) && __has_include(<x.h>)\n'), ['angled x.h']);
  assert.deepEqual(names('#define NAME "driver"\n#define N2 "x.txt"\n#includes "n.h"\n'), []);
  assert.deepEqual(names('#define TRACE_SYSTEM a\n#define TRACE_INCLUDE_FILE a-b\n'), [
    'anywhere a.h',
    'anywhere a-b.h',
  ]);
  assert.deepEqual(names('#define TRACE_INCLUDE_PATH asm/trace/\n#define TRACE_INCLUDE_FILE a-b\n'), [
    'traced asm/trace/a-b.h',
  ]);
  assert.deepEqual(names('#'), []);
  assert.deepEqual(names('#include "open\n'), []);
});

test('reads dependency rules and refuses anything else', () => {
  assert.deepEqual(parseDependencies('x.o: a.c \\\n ./b/../c.h /usr/lib/gcc/stddef.h\n'), ['a.c', 'c.h']);
  assert.throws(() => parseDependencies('nothing'), InputError);
});
