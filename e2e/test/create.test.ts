// Making updates, as far as no kernel has to run for it: what is refused, and that equal input gives equal bytes.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Manifest } from '@resplice/update';
import { attachFilterOnTop } from '../src/fix.js';
import { ShadowCache } from '../src/shadow-cache.js';
import { replaceOnce, Workshop } from '../src/workshop.js';
import { assertDone, assertError, assertRefused } from './expectation.js';

const SOCK = 'net/core/sock.c';
const HEADER = 'net/netlink/af_netlink.h';

const UNCONDITIONAL = { unconditional: true };

const NEW_SOURCE = `--- /dev/null
+++ b/net/core/resplice_new.c
@@ -0,0 +1,8 @@
+// SPDX-License-Identifier: GPL-2.0
+#include <linux/percpu.h>
+static DEFINE_PER_CPU(unsigned int, calls);
+void resplice_new(void);
+void resplice_new(void)
+{
+	this_cpu_inc(calls);
+}
`;

let workshop: Workshop;
let fix = '';
let onTop = '';

before(async () => {
  workshop = await Workshop.open();
  fix = await workshop.diff('fix', SOCK);
  onTop = await workshop.rewrite('on-top', attachFilterOnTop(fix));
});

after(() => workshop?.close());

test('changed data of a module is refused, with the object and the place, or has a condition', async () => {
  const patch = await workshop.diff('data', 'net/netfilter/xt_realm.c');
  const [reason] = assertRefused(await workshop.tryToCreate('data', [patch], UNCONDITIONAL), 'changed-data');
  assert.equal(reason?.subject.object, 'net/netfilter/xt_realm.o');
  assert.equal(reason?.subject.symbol, 'realm_mt_reg');
  const { manifest } = await workshop.create('absent', [patch]);
  assert.deepEqual(
    manifest.requiresUnloaded?.map(({ module }) => module),
    ['xt_realm'],
  );
});

test('what a header changes in code that has run before the kernel is said, and no reason', async () => {
  const { manifest } = await workshop.create('boot', [
    await workshop.diff('boot', 'include/linux/tpm_eventlog.h'),
  ]);
  assert.match(manifest.notBuilt.join(), /libstub\/tpm\.o: it has run before the kernel/);
});

test('a patch that does not apply is refused, with what was expected and what is there', async () => {
  const message = assertError(await workshop.tryToCreate('unfit', [onTop]), 3, 'patch-does-not-apply');
  assert.match(message, /net\/core\/sock\.c: hunk 1/);
  assert.match(message, /expected: .*\n.*found: /);
});

test("a patch that does not compile is refused in the compiler's own words", async () => {
  const patch = await workshop.rewrite('broken', {
    path: SOCK,
    edit: (text) =>
      replaceOnce(
        text,
        'void sock_wfree(struct sk_buff *skb)\n{\n',
        'void sock_wfree(struct sk_buff *skb)\n{\n\tno_such_name = 1;\n',
      ),
  });
  const message = assertError(await workshop.tryToCreate('broken', [patch]), 3, 'does-not-compile');
  assert.match(message, /net\/core\/sock\.c:\d+:\d+: error: .no_such_name. undeclared/);
});

test('a new source file that the patched Makefile builds is compiled by its rules and carried', async () => {
  const rule = await workshop.rewrite('rule', {
    path: 'net/core/Makefile',
    edit: (text) => replaceOnce(text, 'flow_dissector.o\n', 'flow_dissector.o resplice_new.o\n'),
  });
  const source = join(workshop.directory, 'new-source.patch');
  await writeFile(source, NEW_SOURCE);
  const user = await workshop.rewrite('new-user', {
    path: SOCK,
    edit: (text) =>
      replaceOnce(
        text,
        'void sock_wfree(struct sk_buff *skb)\n{\n',
        'void resplice_new(void);\nvoid sock_wfree(struct sk_buff *skb)\n{\n\tresplice_new();\n',
      ),
  });
  const { manifest } = await workshop.create('new-source', [rule, source, user]);
  const [object] = manifest.objects;
  assert.deepEqual(object?.sources, ['net/core/resplice_new.c', SOCK]);
  assert.deepEqual(
    object?.functions.map(({ name }) => name),
    ['sock_wfree'],
  );
  assert.deepEqual(object?.added.map(({ name }) => name).sort(), ['calls', 'resplice_new']);
});

test('an option file that leaves the configuration as it is changes nothing that is built', async () => {
  const edit = (text: string) =>
    replaceOnce(text, 'config NET_INGRESS\n\tbool\n', 'config NET_INGRESS\n\tbool\n\tdepends on NET\n');
  const neutral = await workshop.rewrite('neutral', { path: 'net/Kconfig', edit });
  assertRefused(await workshop.tryToCreate('neutral', [neutral]), 'patch-changes-nothing-built');
  const other = await workshop.rewrite('other-option', {
    path: 'net/Kconfig',
    edit: (text) =>
      replaceOnce(
        text,
        'config COMPAT_NETLINK_MESSAGES\n\tdef_bool y',
        'config COMPAT_NETLINK_MESSAGES\n\tdef_bool n',
      ),
  });
  const [reason] = assertRefused(await workshop.tryToCreate('other-option', [other]), 'patch-changes-build');
  assert.match(reason?.found ?? '', /CONFIG_COMPAT_NETLINK_MESSAGES from y to unset/);
});

test('option files that do not fit together are told in the words of kconfig', async () => {
  const lost = await workshop.rewrite('lost-options', {
    path: 'net/Kconfig',
    edit: (text) => replaceOnce(text, 'source "net/packet/Kconfig"', 'source "net/packet/Kconfig.gone"'),
  });
  const message = assertError(await workshop.tryToCreate('lost-options', [lost]), 3, 'does-not-compile');
  assert.match(
    message,
    /cannot be configured:\nnet\/Kconfig:\d+: can't open file "net\/packet\/Kconfig\.gone"/,
  );
});

test('a number that assembly takes from C must not change, and is named', async () => {
  const path = 'arch/x86/kernel/asm-offsets.c';
  const rewrite = (name: string, edit: (text: string) => string) => workshop.rewrite(name, { path, edit });
  const comment = await rewrite('comment', (text) => `/* numbers */\n${text}`);
  assertRefused(await workshop.tryToCreate('comment', [comment]), 'patch-changes-nothing-built');
  const size = 'DEFINE(PTREGS_SIZE, sizeof(struct pt_regs));';
  const longer = await rewrite('longer', (text) => replaceOnce(text, size, size.replace('));', ') + 8);')));
  const [reason] = assertRefused(await workshop.tryToCreate('longer', [longer]), 'patch-changes-build');
  assert.match(reason?.found ?? '', /PTREGS_SIZE 168 → 176/);
});

test('a patch of another architecture touches nothing that is built', async () => {
  const path = 'arch/arm64/kernel/process.c';
  const patch = await workshop.rewrite('elsewhere', {
    path,
    edit: (text) => `${text}\nint resplice_test;\n`,
  });
  const [reason] = assertRefused(
    await workshop.tryToCreate('elsewhere', [patch]),
    'patch-changes-nothing-built',
  );
  assert.match(reason?.found ?? '', new RegExp(path));
});

test('a patch that only adds comments and so moves all lines below changes no code', async () => {
  const edit = (text: string) => `/* one */\n/* two */\n${text}`;
  const patch = await workshop.rewrite('comment', { path: SOCK, edit });
  assertRefused(await workshop.tryToCreate('comment', [patch]), 'patch-changes-no-code');
});

test('a comment in a header changes no code of the objects that include it', async () => {
  const edit = (text: string) => replaceOnce(text, '/* flags */\n', '/* flags */\n/* and more words */\n');
  const patch = await workshop.rewrite('header-comment', { path: HEADER, edit });
  assertRefused(await workshop.tryToCreate('header-comment', [patch]), 'patch-changes-no-code');
});

test('a header is followed to the objects that include it, in vmlinux and in a module', async () => {
  const edit = (text: string) =>
    replaceOnce(
      text,
      'test_bit(NETLINK_F_##nr, &nlk_sk(sk)->flags)',
      '(nlk_sk(sk)->portid != U32_MAX && test_bit(NETLINK_F_##nr, &nlk_sk(sk)->flags))',
    );
  const { manifest } = await workshop.create('header', [
    await workshop.rewrite('header', { path: HEADER, edit }),
  ]);
  assert.deepEqual(
    manifest.objects.map(({ name, sources }) => [name, sources]),
    [
      ['vmlinux', ['net/netlink/af_netlink.c']],
      ['netlink_diag', ['net/netlink/diag.c']],
    ],
  );
  assert.ok(listFunctions(manifest).includes('netlink_recvmsg'));
  assert.ok(listFunctions(manifest).some((name) => name.startsWith('sk_diag_fill')));
});

test('the same patch gives the same bytes, with originals compiled anew or before', async () => {
  const shadow = await ShadowCache.make(join(workshop.directory, 'empty'), await workshop.prepare());
  const first = await workshop.create('first', [fix]);
  const again = await workshop.create('again', [fix]);
  const anew = await workshop.create('anew', [fix], shadow);
  assert.equal(await shadow.countObjects(), 1);
  const bytes = await Promise.all([first, again, anew].map(({ file }) => readFile(file)));
  assert.ok(bytes.every((each) => each.equals(bytes[0] ?? Buffer.of())));
  assert.ok(listFunctions(first.manifest).includes('sk_setsockopt'));
});

test('what the cache has lost is made anew, or its name is said', async () => {
  const shadow = await ShadowCache.make(join(workshop.directory, 'cleaned'), await workshop.prepare());
  await workshop.create('before', [fix], shadow);
  await shadow.lose('objects', 'slots', 'includes.json');
  await workshop.create('after', [fix], shadow);
  await shadow.lose('database.json');
  const message = assertError(await workshop.tryToCreate('incomplete', [fix], shadow), 5, 'damaged-tree');
  assert.match(message, /has lost database\.json; delete the directory to have it made anew/);
});

test('an update from a source that is not that of the kernel is refused, with both disassembled', async () => {
  const shadow = await ShadowCache.make(join(workshop.directory, 'newer'), await workshop.prepare());
  await shadow.replaceSource(SOCK, await workshop.readSource({ path: SOCK, on: [fix] }));
  const answer = await workshop.tryToCreate('other-source', [onTop], shadow);
  const codes = new Set(answer.reasons.map(({ code }) => code));
  assert.deepEqual([answer.status, ...codes], [1, 'original-differs'], answer.text);
  const reason = answer.reasons.find(({ subject }) => subject.symbol === 'sk_setsockopt');
  const evidence = reason?.evidence ?? [];
  assert.equal(evidence[0], 'rebuilt:');
  assert.ok(evidence.includes('shipped in vmlinux:'), evidence.join('\n'));
  assert.ok(evidence.filter((line) => line.startsWith('> +0x')).length === 2, evidence.join('\n'));
});

test('inspect says of each function where it first differs', async () => {
  const { file } = await workshop.create('inspect', [fix]);
  const answer = await workshop.inspect(file);
  assertDone(answer);
  const [object] = (answer.json.manifest as Manifest).objects;
  assert.ok(object?.functions.every(({ firstDifference }) => firstDifference !== null));
});

function listFunctions({ objects }: Manifest): readonly string[] {
  return objects.flatMap(({ functions }) => functions.map(({ name }) => name));
}

for (const [path, ...codes] of [
  ['net/netfilter/xt_realm.c', 'changed-data'],
  ['fs/smb/client/cifs_spnego.c', 'changed-data'],
  ['kernel/params.c', 'changed-init-code'],
  ['drivers/md/dm-cache-target.c', 'changed-data', 'changed-type-layout'],
] as const) {
  test(`the skeleton that ${path} gets compiles with it, and waits for its author`, async () => {
    const name = basename(path, '.c');
    const patch = await workshop.diff(name, path);
    const answer = await workshop.tryToCreate(name, [patch], UNCONDITIONAL);
    assertRefused(answer, ...codes);
    const { file, written } = answer.json.skeleton as { readonly file: string; readonly written: boolean };
    assert.deepEqual([file, written], [join(workshop.directory, `${name}.skeleton.patch`), true]);
    const unfinished = await workshop.tryToCreate(`${name}-2`, [patch, file], UNCONDITIONAL);
    const reasons = assertRefused(unfinished, ...codes.map(() => 'custom-code-invalid'));
    for (const { found } of reasons) assert.match(found, /its reason is still "FIXME/);
  });
}

test('a skeleton whose author has said why is an update; one that is there already is not written over', async () => {
  const patch = await workshop.diff('again', 'net/netfilter/xt_realm.c');
  const first = await workshop.tryToCreate('realm', [patch], UNCONDITIONAL);
  const { file } = first.json.skeleton as { readonly file: string };
  const text = (await readFile(file, 'utf8')).replace('FIXME: why this is enough', 'the hook sets it');
  await writeFile(file, text);
  const second = await workshop.tryToCreate('realm', [patch], UNCONDITIONAL);
  assert.deepEqual(second.json.skeleton, { file, written: false });
  assert.equal(await readFile(file, 'utf8'), text);
  const { manifest } = await workshop.create('realm-2', [patch, file]);
  assert.deepEqual(
    manifest.custom.handled.map(({ what, name, why }) => [what, name, why]),
    [['data', 'realm_mt_reg', 'the hook sets it']],
  );
});
