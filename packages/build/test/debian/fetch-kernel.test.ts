// The whole fetch against packages built on the spot, with an apt that copies instead of downloading.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { EnvironmentError, type ProgressEvent } from '@resplice/report';
import type { Apt } from '../../src/debian/apt.js';
import type { PackageRecord } from '../../src/debian/control-record.js';
import { fetchKernel, listFetchedKernels } from '../../src/debian/fetch-kernel.js';
import { resolveSource, unpackPristine } from '../../src/debian/fetch-source.js';
import { listOfferedKernels } from '../../src/debian/offered-kernels.js';

const run = promisify(execFile);
const root = await mkdtemp(join(tmpdir(), 'resplice-fetch-'));
after(() => rm(root, { recursive: true }));

const R = '6.1.0-1-amd64';
const VERSION = '6.1.1-1';

await mkdir(join(root, 'work/linux-source-6.1'), { recursive: true });
await writeFile(join(root, 'work/linux-source-6.1/Kbuild'), '');
await run('tar', ['-cJf', join(root, 'work/source.tar.xz'), '-C', join(root, 'work'), 'linux-source-6.1']);
const generated = `usr/src/linux-headers-${R}`;
const records = [
  await buildDeb(`linux-image-${R}-unsigned`, {
    [`boot/vmlinuz-${R}`]: 'image',
    [`boot/config-${R}`]: 'CONFIG_A=y\n',
    [`boot/System.map-${R}`]: 'stub',
    [`lib/modules/${R}/modules.order`]: 'kernel/a.ko\n',
    [`lib/modules/${R}/kernel/a.ko`]: 'module',
  }),
  await buildDeb(`linux-headers-${R}`, {
    [`${generated}/Module.symvers`]: 'symbols',
    [`${generated}/include/generated/bounds.h`]: 'bounds',
    [`${generated}/arch/x86/include/generated/asm/x.h`]: 'x',
    [`${generated}/include/config/X`]: 'not wanted',
  }),
  await buildDeb('linux-source-6.1', {
    'usr/src/linux-source-6.1.tar.xz': await readFile(join(root, 'work/source.tar.xz')),
    'usr/share/doc/linux-source-6.1/changelog.Debian.gz': gzipSync('linux (6.1.1-1) x; urgency=low\n'),
  }),
];

async function buildDeb(
  name: string,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<PackageRecord> {
  const tree = join(root, 'work', name);
  const control = `Package: ${name}\nVersion: ${VERSION}\nArchitecture: amd64\nMaintainer: t <t@t.example>\nDescription: t\n`;
  for (const [path, content] of Object.entries({ 'DEBIAN/control': control, ...files })) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), content);
  }
  const deb = join(root, 'work', `${name}.deb`);
  await run('dpkg-deb', ['--build', '--root-owner-group', tree, deb]);
  const bytes = await readFile(deb);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return { name, version: VERSION, architecture: 'amd64', size: bytes.length, sha256 };
}

function fakeApt(failOn?: string): Apt & { readonly downloads: string[] } {
  const downloads: string[] = [];
  return {
    downloads,
    show: (pattern) =>
      Promise.resolve(records.filter((record) => new RegExp(`^${pattern}$`).test(record.name))),
    download: async (record, directory, options) => {
      downloads.push(record.name);
      const file = join(directory, `${record.name}.deb`);
      if (record.name === failOn) {
        await writeFile(file, 'half of it');
        throw new EnvironmentError('download-failed', 'the network went away');
      }
      await copyFile(join(root, 'work', `${record.name}.deb`), file);
      options?.onBytes?.(record.size);
      return file;
    },
  };
}

const [offered] = (await listOfferedKernels(fakeApt())).kernels;
assert.ok(offered !== undefined);
const { identity } = offered;

test('keeps what is needed of image, headers and source, and no package file', async () => {
  const cache = join(root, 'cache');
  const events: ProgressEvent[] = [];
  const fetched = await fetchKernel(identity, {
    cache,
    apt: fakeApt(),
    progress: (event) => events.push(event),
  });
  assert.equal(await readFile(fetched.vmlinuz, 'utf8'), 'image');
  assert.equal(await readFile(fetched.config, 'utf8'), 'CONFIG_A=y\n');
  assert.equal(await readFile(fetched.symvers, 'utf8'), 'symbols');
  assert.equal(await readFile(join(fetched.modules, 'kernel/a.ko'), 'utf8'), 'module');
  assert.equal(await readFile(join(fetched.headers, 'include/generated/bounds.h'), 'utf8'), 'bounds');
  assert.equal(await readFile(join(fetched.headers, 'arch/x86/include/generated/asm/x.h'), 'utf8'), 'x');
  assert.match(await readFile(fetched.changelog, 'utf8'), /^linux \(6\.1\.1-1\)/);
  await stat(fetched.sourceArchive);
  const all = await readdir(cache, { recursive: true });
  assert.ok(
    !all.some(
      (path) => path.endsWith('.deb') || path.includes('System.map') || path.includes('include/config'),
    ),
  );
  assert.ok(!all.some((path) => path.includes('.tmp-')));
  assert.ok(
    events.some(
      (event) => event.stage === 'fetch-image' && event.unit === 'bytes' && event.done === event.total,
    ),
  );
});

test('what is fetched is not asked for again, and is listed', async () => {
  const cache = join(root, 'cache');
  const apt = fakeApt();
  await fetchKernel(identity, { cache, apt });
  assert.deepEqual(apt.downloads, []);
  assert.deepEqual(await listFetchedKernels({ cache }), [identity]);
  assert.deepEqual(
    await resolveSource(VERSION, { ...apt, show: () => assert.fail('apt was asked') }, { cache }),
    {
      sourcePackage: 'linux-source-6.1',
      version: VERSION,
    },
  );
});

test('an interrupted download leaves nothing that looks whole, and the next call completes it', async () => {
  const cache = join(root, 'cache-interrupted');
  const failing = fakeApt(`linux-headers-${R}`);
  await assert.rejects(fetchKernel(identity, { cache, apt: failing }), { code: 'download-failed' });
  assert.deepEqual(await listFetchedKernels({ cache }), []);
  const apt = fakeApt();
  await fetchKernel(identity, { cache, apt });
  // The source had arrived whole and is kept.
  assert.deepEqual(apt.downloads.sort(), [`linux-headers-${R}`, `linux-image-${R}-unsigned`]);
});

test('the pristine source is unpacked once under a fixed name', async () => {
  const cache = join(root, 'cache');
  const fetched = await fetchKernel(identity, { cache, apt: fakeApt() });
  const source = { ...identity, archive: fetched.sourceArchive, changelog: fetched.changelog };
  const directory = await unpackPristine(source, { cache });
  assert.deepEqual(await readdir(directory), ['Kbuild']);
  assert.equal(await unpackPristine(source, { cache }), directory);
});

test('a kernel that apt has dropped: the error names what is offered', async () => {
  const gone = { ...identity, version: '6.1.0-9' };
  await assert.rejects(fetchKernel(gone, { cache: join(root, 'cache-gone'), apt: fakeApt() }), (error) => {
    assert.ok(error instanceof EnvironmentError);
    assert.match(error.message, /6\.1\.0-1-amd64 \(6\.1\.1-1\)|6\.1\.1-1/);
    return true;
  });
});
