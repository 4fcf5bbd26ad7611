import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { UsageError } from '@resplice/report';
import { tryFileLock } from '../../src/debian/file-lock.js';
import { cacheRoot, makeOnce, removeStale, writeWhole } from '../../src/debian/store.js';

const root = await mkdtemp(join(tmpdir(), 'resplice-store-'));
after(() => rm(root, { recursive: true }));

test('the cache is where RESPLICE_CACHE, then XDG, then the home directory say', () => {
  assert.equal(cacheRoot({ RESPLICE_CACHE: '/x', XDG_CACHE_HOME: '/y' }), '/x');
  assert.equal(cacheRoot({ XDG_CACHE_HOME: '/y' }), '/y/resplice');
  assert.match(cacheRoot({ XDG_CACHE_HOME: 'relative' }), /\/\.cache\/resplice$/);
  assert.throws(() => cacheRoot({ RESPLICE_CACHE: 'relative' }), UsageError);
});

test('a directory is made once, though several ask for it at the same time', async () => {
  let made = 0;
  const target = join(root, 'once');
  const build = async (temporary: string): Promise<void> => {
    made += 1;
    await writeFile(join(temporary, 'file'), 'content');
  };
  const answers = await Promise.all([
    makeOnce(target, build),
    makeOnce(target, build),
    makeOnce(target, build),
  ]);
  assert.equal(made, 1);
  assert.equal(answers.filter((answer) => answer).length, 1);
  assert.equal(await readFile(join(target, 'file'), 'utf8'), 'content');
});

test('a failed build leaves nothing that looks whole', async () => {
  const target = join(root, 'failed');
  const build = async (temporary: string): Promise<void> => {
    await writeFile(join(temporary, 'half'), '');
    throw new Error('cut off');
  };
  await assert.rejects(makeOnce(target, build), /cut off/);
  assert.deepEqual(
    (await readdir(root)).filter((name) => name.includes('failed') && !name.endsWith('.lock')),
    [],
  );
});

test('what a dead process left behind is removed, what a living one makes is kept', async () => {
  const parent = join(root, 'stale');
  await mkdir(join(parent, '.tmp-999999999-1-abcd-x'), { recursive: true });
  // Our own pid with another start time: the pid was reused.
  await mkdir(join(parent, `.tmp-${process.pid}-1-abcd-x`));
  await makeOnce(join(parent, 'y'), async (temporary) => {
    await removeStale(parent);
    await writeWhole(join(temporary, 'z'), 'z');
  });
  assert.deepEqual((await readdir(parent)).sort(), ['.y.lock', 'y']);
});

test('a lock is free again when its holder is killed', async () => {
  const file = join(root, 'killed.lock');
  const module = new URL('../../src/debian/file-lock.js', import.meta.url).href;
  const script = `const { tryFileLock } = await import('${module}'); await tryFileLock('${file}'); console.log('held'); setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  assert.equal(await tryFileLock(file), undefined);
  holder.kill('SIGKILL');
  await once(holder, 'close');
  let lock = await tryFileLock(file);
  // The kernel closes the pipe at once; the little holder then needs a moment to end.
  for (let i = 0; i < 100 && lock === undefined; i++) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    lock = await tryFileLock(file);
  }
  assert.notEqual(lock, undefined);
  await lock?.release();
});
