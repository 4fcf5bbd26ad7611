// Reasons of `create` that need a real tree and real tools, and no running kernel. All others have a test nearer to their code: docs/refusals.md says which.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { encodeUpdate, readUpdate } from '@resplice/update';
import { type MadeUpdate, replaceOnce, Workshop } from '../src/workshop.js';
import { assertRefused } from './expectation.js';

const PATH = 'lib/kstrtox.c';
const OLD = "\tcase 'Y':\n";

let workshop: Workshop;

before(async () => {
  workshop = await Workshop.open(undefined, 'auto');
});

after(() => workshop?.close());

test('code in which objtool finds fault is refused in the words of objtool', async () => {
  const patch = await workshop.rewrite('unbalanced', {
    path: PATH,
    edit: (text) =>
      replaceOnce(text, OLD, `\tcase 'j':\n\t\tasm volatile("push %rax");\n\t\treturn 0;\n${OLD}`),
  });
  const [reason] = assertRefused(await workshop.tryToCreate('unbalanced', [patch]), 'objtool-complaint');
  assert.match(`${reason?.found} ${reason?.evidence?.join(' ')}`, /stack/);
});

test('code of the boot image, which is not part of the running kernel, is refused', async () => {
  const patch = await workshop.rewrite('boot', {
    path: 'arch/x86/boot/string.c',
    edit: (text) => replaceOnce(text, 'return memcmp(s1, s2, len);', 'return len ? memcmp(s1, s2, len) : 0;'),
  });
  assertRefused(await workshop.tryToCreate('boot', [patch]), 'patch-changes-boot-code');
});

test('a source that is part of the running kernel cannot be removed', async () => {
  const { directory } = await workshop.prepare();
  const lines = (await readFile(join(directory, 'lib/bcd.c'), 'utf8')).split('\n').slice(0, -1);
  const patch = join(workshop.directory, 'removed.patch');
  const head = `--- a/lib/bcd.c\n+++ /dev/null\n@@ -1,${lines.length} +0,0 @@\n`;
  await writeFile(patch, `${head}${lines.map((line) => `-${line}\n`).join('')}`);
  const [reason] = assertRefused(await workshop.tryToCreate('removed', [patch]), 'patch-removes-source');
  assert.equal(reason?.subject.file, 'lib/bcd.c');
});

test('an update on top of one that carries other code than its patches give is refused', async () => {
  const edit = (letter: string) => (text: string) => replaceOnce(text, OLD, `${OLD}\tcase '${letter}':\n`);
  const first = await workshop.rewrite('lower', { path: PATH, edit: edit('j') });
  const lower = await workshop.create('lower', [first]);
  const second = await workshop.rewrite('upper', { path: PATH, on: [first], edit: edit('k') });
  const doctored = await withOtherHash(lower);
  const answer = await workshop.tryToCreate('upper', [second], { on: [doctored] });
  const [reason] = assertRefused(answer, 'update-below-differs');
  assert.equal(reason?.subject.symbol, 'kstrtobool');
});

test('a second engine on top of a function that the first one replaces is refused', async () => {
  const old = 'unsigned int old = current->personality;\n';
  const changed = 'unsigned int old = current->personality | (personality == 0x12345);\n';
  const path = 'kernel/exec_domain.c';
  const first = await workshop.rewrite('live', { path, edit: (text) => replaceOnce(text, old, changed) });
  const lower = await workshop.create('live', [first], { engine: 'livepatch' });
  const second = await workshop.rewrite('jump', {
    path,
    on: [first],
    edit: (text) => replaceOnce(text, '0x12345', '0x12346'),
  });
  const answer = await workshop.tryToCreate('jump', [second], { on: [lower], engine: 'trampoline' });
  // A system call is two functions.
  assert.ok(answer.reasons.length > 0, answer.text);
  assertRefused(answer, ...answer.reasons.map(() => 'engines-mixed'));
});

async function withOtherHash(made: MadeUpdate): Promise<MadeUpdate> {
  const update = await readUpdate(made.file);
  const objects = update.manifest.objects.map((object) => ({
    ...object,
    functions: object.functions.map((each) => ({ ...each, newCode: '0'.repeat(64) })),
  }));
  const file = `${made.file}.doctored.splice`;
  await writeFile(file, encodeUpdate({ ...update, manifest: { ...update.manifest, objects } }));
  return { ...made, file };
}
