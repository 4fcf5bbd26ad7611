import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { InputError, InternalError } from '@resplice/report';
import { keepSlots, openSlot, type Slot } from '../../src/tree/slot.js';
import { parseJournal } from '../../src/tree/slot-journal.js';
import { fakeTree } from './fixture.js';

const home = await mkdtemp(join(tmpdir(), 'resplice-slot-'));
after(() => rm(home, { recursive: true }));
await mkdir(join(home, 'linux/net/core'), { recursive: true });
await mkdir(join(home, 'slots'));
await writeFile(join(home, 'linux/net/core/sock.c'), 'original\n');
await writeFile(join(home, 'linux/net/core/gone.c'), 'to be deleted\n');
await writeFile(join(home, 'linux/run.sh'), '#!/bin/sh\n');
await chmod(join(home, 'linux/run.sh'), 0o755);
await symlink('net', join(home, 'linux/alias'));
await symlink('/tmp', join(home, 'linux/outside'));
const tree = fakeTree(home, 'cc', ['net/core/sock.c'], []);

async function assertOriginal(slot: Slot): Promise<void> {
  for (const root of [slot.directory, tree.directory]) {
    assert.equal(await readFile(join(root, 'net/core/sock.c'), 'utf8'), 'original\n');
    assert.equal(await readFile(join(root, 'net/core/gone.c'), 'utf8'), 'to be deleted\n');
    assert.deepEqual((await readdir(root)).sort(), ['alias', 'net', 'outside', 'run.sh']);
    assert.deepEqual((await readdir(join(root, 'net'))).sort(), ['core']);
  }
  // Linked again, not copied.
  const [a, b] = await Promise.all(
    [slot.directory, tree.directory].map((root) => stat(join(root, 'net/core/sock.c'))),
  );
  assert.equal(a?.ino, b?.ino);
}

test('changed, deleted and new files are seen in the slot only, and are gone after release', async () => {
  const slot = await openSlot(tree);
  await slot.write('net/core/sock.c', 'patched\n');
  await slot.write('net/core/sock.c', 'patched again\n');
  await slot.write('net/new/deep/file.h', 'new\n');
  await slot.remove('net/core/gone.c');
  await slot.remove('net/core/never-there.c');
  assert.equal(await readFile(join(slot.directory, 'net/core/sock.c'), 'utf8'), 'patched again\n');
  assert.equal(await readFile(join(tree.directory, 'net/core/sock.c'), 'utf8'), 'original\n');
  assert.ok(!(await readdir(join(slot.directory, 'net/core'))).includes('gone.c'));
  await slot.release();
  await assertOriginal(slot);
  await slot.release();
});

test('a file keeps its mode', async () => {
  const slot = await openSlot(tree);
  await slot.write('run.sh', 'x');
  assert.equal((await stat(join(slot.directory, 'run.sh'))).mode & 0o777, 0o755);
  await slot.release();
});

test('while one slot is busy the next is opened', async () => {
  const first = await openSlot(tree);
  const second = await openSlot(tree);
  assert.notEqual(first.directory, second.directory);
  await first.release();
  await second.release();
  const third = await openSlot(tree);
  assert.equal(third.directory, first.directory);
  await third.release();
});

test('a slot that is kept is clean for the next user, and free for others when it is let go', async () => {
  const letGo = keepSlots(tree);
  const first = await openSlot(tree);
  await first.write('net/core/sock.c', 'patched');
  await first.release();
  await assertOriginal(first);
  const second = await openSlot(tree);
  const third = await openSlot(tree);
  assert.equal(second.directory, first.directory);
  assert.notEqual(third.directory, first.directory);
  await second.write('net/core/sock.c', 'patched');
  await assert.rejects(first.write('x', ''), InternalError);
  await first.release();
  assert.equal(await readFile(join(second.directory, 'net/core/sock.c'), 'utf8'), 'patched');
  await third.release();
  await letGo();
  // In use when the others were let go.
  await second.release();
  const fourth = await openSlot(tree);
  assert.equal(fourth.directory, first.directory);
  await fourth.release();
});

test('no path leads out of the slot or through a link', async () => {
  const slot = await openSlot(tree);
  for (const path of ['/etc/x', '../x', 'net/../../x', '', '.', 'a\nb', 'outside/x', 'alias/core/sock.c']) {
    await assert.rejects(slot.write(path, ''), InputError, path);
    await assert.rejects(slot.remove(path), InputError, path);
  }
  await slot.release();
  await assertOriginal(slot);
  await assert.rejects(slot.write('x', ''), InternalError);
});

test('after SIGKILL in the middle the next user finds the original contents', async () => {
  const module = (name: string): string => new URL(name, import.meta.url).href;
  const script = `
    const { openSlot } = await import('${module('../../src/tree/slot.js')}');
    const { fakeTree } = await import('${module('./fixture.js')}');
    const slot = await openSlot(fakeTree('${home}', 'cc', ['net/core/sock.c'], []));
    await slot.write('net/core/sock.c', 'patched');
    await slot.remove('net/core/gone.c');
    await slot.write('net/new/file.c', 'new');
    console.log(slot.directory);
    for (let i = 0; ; i++) await slot.write('net/new/many' + i + '.c', 'new');
  `;
  for (let round = 0; round < 3; round++) {
    const user = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [directory] = (await once(user.stdout, 'data')) as [Buffer];
    assert.equal(await readFile(join(directory.toString().trim(), 'net/core/sock.c'), 'utf8'), 'patched');
    user.kill('SIGKILL');
    await once(user, 'close');
    // The lock's little holder may live a moment longer; wait until the same slot is free.
    let slot = await openSlot(tree);
    while (slot.directory !== directory.toString().trim()) {
      await slot.release();
      slot = await openSlot(tree);
    }
    await assertOriginal(slot);
    await slot.release();
  }
});

test('a journal line that was cut off is ignored', () => {
  assert.deepEqual(parseJournal('a.c\nb.c\na.c\nhalf'), ['a.c', 'b.c']);
  assert.deepEqual(parseJournal(''), []);
});
