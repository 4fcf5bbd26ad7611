import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { GuestFile } from '../../src/guest.js';
import { collectInitramfs, resolveGuestPath } from '../../src/initramfs.js';

const SPEC = { vmlinuz: '/nowhere', steps: [] };

async function collect(...files: readonly GuestFile[]) {
  const entries = await collectInitramfs({ ...SPEC, files });
  return new Map(entries.map((entry) => [entry.path, entry]));
}

const bytes = (text: string) => ({ bytes: Buffer.from(text) });

test('every entry comes after the folder it is in', async () => {
  const seen = new Set(['']);
  for (const path of (await collect({ path: '/opt/a/b/c', source: bytes('') })).keys()) {
    assert.ok(seen.has(path.slice(0, path.lastIndexOf('/'))), path);
    seen.add(path);
  }
});

test('the two names of a folder give one file', async () => {
  assert.equal(resolveGuestPath('/sbin/insmod'), '/usr/bin/insmod');
  assert.equal(resolveGuestPath('/usr/sbin/insmod'), '/usr/bin/insmod');
  assert.equal(resolveGuestPath('/lib64/ld.so'), '/usr/lib64/ld.so');
  assert.equal(resolveGuestPath('/library'), '/library');
  const entries = await collect({ path: '/bin/sh', source: bytes('mine') });
  assert.equal(entries.has('/bin/sh'), false);
  const shell = entries.get('/usr/bin/sh');
  assert.ok(shell?.kind === 'file' && 'bytes' in shell.content);
});

test('a dynamically linked program brings its loader and libraries', async () => {
  const entries = await collect({ path: '/opt/node', source: { file: process.execPath } });
  assert.ok([...entries.keys()].some((path) => path.endsWith('/libstdc++.so.6')));
  assert.ok(entries.has('/usr/lib64/ld-linux-x86-64.so.2'));
  const node = entries.get('/opt/node');
  assert.ok(node?.kind === 'file' && node.mode === 0o755);
});

test('a path that the guest itself fills, or that is none, is refused', async () => {
  for (const path of ['/proc/x', '/vm/plan', '/init', 'relative', '/usr/bin', '/etc/passwd/x']) {
    await assert.rejects(collect({ path, source: bytes('') }), { code: 'guest-path' }, path);
  }
});

test('a host file that cannot be read is named', async () => {
  await assert.rejects(collect({ path: '/x', source: { file: '/no/such/file' } }), {
    code: 'guest-file-unreadable',
    message: /\/no\/such\/file/,
  });
  await assert.rejects(collect({ path: '/x', source: { file: '/' } }), { code: 'guest-file-unreadable' });
});
