import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isWanted } from '../../src/work/split.js';
import { findPairs } from '../../src/work/watch.js';

const running = (...versions: string[]) => versions.map((version) => ({ version }));

test('each older kernel of a branch gets the release that leads to the newest of its branch', () => {
  const offered = ['6.1.176-1', '6.1.170-3', '6.1.192-2', '6.12.111-1', '6.12.117-1'];
  assert.deepEqual(findPairs(running('6.12.107-1', '6.1.170-3', '6.1.176-1', '6.1.170-3'), offered), [
    { from: '6.1.170-3', to: '6.1.192-2' },
    { from: '6.1.176-1', to: '6.1.192-2' },
    { from: '6.12.107-1', to: '6.12.117-1' },
  ]);
});

test('6.1 and 6.12 are two branches, and the newest kernel needs nothing', () => {
  assert.deepEqual(findPairs(running('6.1.170-3'), ['6.12.117-1']), []);
  assert.deepEqual(findPairs(running('6.1.192-2'), ['6.1.176-1', '6.1.192-2']), []);
});

test('a part of a release is named by units, files, folders and CVEs', () => {
  const unit = {
    name: 'net-core-sock-1a2b3c',
    files: ['net/core/sock.c'],
    cves: [{ cve: 'CVE-2026-52923' }],
  };
  for (const wish of ['net-core-sock-1a2b3c', 'net/core/sock.c', 'net/', 'net/core/', 'cve-2026-52923'])
    assert.ok(isWanted(['fs/', wish], unit), wish);
  for (const wish of ['net', 'net/core', 'net-core', 'core/', 'CVE-2026-5292', 'sock.c'])
    assert.ok(!isWanted([wish], unit), wish);
  assert.ok(isWanted(null, unit));
});
