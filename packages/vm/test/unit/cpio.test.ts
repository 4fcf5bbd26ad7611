import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type CpioEntry, encodeCpioHeader, writeCpio } from '../../src/cpio.js';

let directory: string;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'resplice-cpio-'));
});
after(() => rm(directory, { recursive: true, force: true }));

async function archive(name: string, entries: readonly CpioEntry[]): Promise<string> {
  const path = join(directory, name);
  const handle = await open(path, 'wx');
  try {
    const size = await writeCpio(handle, entries);
    assert.equal(size, (await handle.stat()).size);
  } finally {
    await handle.close();
  }
  return path;
}

function file(path: string, text: string, mode = 0o644): CpioEntry {
  return { kind: 'file', path, mode, content: { bytes: Buffer.from(text) } };
}

test('another cpio reads names, modes, links and contents of every length modulo four', async () => {
  const big = join(directory, 'big');
  await writeFile(big, Buffer.alloc(3_000_001, 7));
  const path = await archive('all.cpio', [
    { kind: 'directory', path: '/a', mode: 0o1777 },
    ...['', 'x', 'xy', 'xyz', 'wxyz'].map((text) => file(`/a/${text.length}`, text, 0o4750)),
    { kind: 'symlink', path: '/a/link', target: '../elsewhere' },
    { kind: 'file', path: '/a/big', mode: 0o600, content: { file: big, size: 3_000_001 } },
    file('/a/name with spaces é', 'utf-8'),
  ]);
  const target = join(directory, 'out');
  execFileSync('mkdir', [target]);
  const input = await readFile(path);
  // busybox rather than cpio: the runner needs it anyway, so the test runs wherever the runner does.
  execFileSync('busybox', ['cpio', '-i', '-d'], { cwd: target, input, stdio: ['pipe', 'ignore', 'ignore'] });
  const listing = execFileSync('busybox', ['cpio', '-t', '-v'], {
    input,
    stdio: ['pipe', 'pipe', 'ignore'],
  }).toString();
  assert.match(listing, /^drwxrwxrwt .* a$/m);
  assert.match(listing, /^-rwsr-x--- .* a\/4$/m);
  assert.match(listing, /^lrwxrwxrwx .* a\/link -> \.\.\/elsewhere$/m);
  assert.equal(await readFile(join(target, 'a/4'), 'utf8'), 'wxyz');
  assert.equal(await readFile(join(target, 'a/3'), 'utf8'), 'xyz');
  assert.equal(await readFile(join(target, 'a/name with spaces é'), 'utf8'), 'utf-8');
  assert.deepEqual(await readFile(join(target, 'a/big')), Buffer.alloc(3_000_001, 7));
});

test('the same entries give the same bytes', async () => {
  const entries = [file('/x', 'one'), file('/y', 'two')];
  const [first, second] = await Promise.all([archive('first', entries), archive('second', entries)]);
  assert.deepEqual(await readFile(first), await readFile(second));
});

test('refuses a path that leaves the guest or cannot be written', () => {
  for (const path of ['/', '', '/a/../b', '/a\0b', '/TRAILER!!!']) {
    assert.throws(() => encodeCpioHeader(file(path, ''), 1), { code: 'guest-path' }, JSON.stringify(path));
  }
});

test('refuses a file that its size field cannot hold', () => {
  const content = { file: '/huge', size: 2 ** 32 };
  assert.throws(() => encodeCpioHeader({ kind: 'file', path: '/h', mode: 0o644, content }, 1), {
    code: 'guest-file-size',
  });
});

test('refuses a file that is not as long as it was announced', async () => {
  const source = join(directory, 'short');
  await writeFile(source, 'abc');
  const entry: CpioEntry = { kind: 'file', path: '/s', mode: 0o644, content: { file: source, size: 4 } };
  await assert.rejects(archive('short.cpio', [entry]), { code: 'guest-file-changed' });
});
