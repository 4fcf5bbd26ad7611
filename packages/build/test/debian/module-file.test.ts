import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { InputError } from '@resplice/report';
import {
  findModuleFile,
  listModules,
  moduleName,
  parseModuleOrder,
  readModule,
} from '../../src/debian/module-file.js';

const root = await mkdtemp(join(tmpdir(), 'resplice-modules-'));
after(() => rm(root, { recursive: true }));

test('module names are spelt with underscores', () => {
  assert.equal(moduleName('kernel/sound/snd-hda-intel.ko.xz'), 'snd_hda_intel');
  assert.equal(moduleName('kernel/net/tun.ko'), 'tun');
});

test('finds plain and compressed modules by either spelling', async () => {
  await mkdir(join(root, 'kernel'), { recursive: true });
  await writeFile(join(root, 'modules.order'), 'kernel/tun.ko\nkernel/snd-hda-intel.ko\nkernel/gone.ko\n');
  await writeFile(join(root, 'kernel/tun.ko'), 'plain');
  await writeFile(join(root, 'kernel/snd-hda-intel.ko'), 'packed');
  await promisify(execFile)('xz', [join(root, 'kernel/snd-hda-intel.ko')]);
  assert.equal((await listModules(root)).size, 3);
  const packed = await findModuleFile(root, 'snd-hda-intel');
  assert.equal(packed, join(root, 'kernel/snd-hda-intel.ko.xz'));
  assert.equal(await findModuleFile(root, 'snd_hda_intel'), packed);
  assert.equal(Buffer.from(await readModule(packed ?? '')).toString(), 'packed');
  assert.equal(Buffer.from(await readModule(join(root, 'kernel/tun.ko'))).toString(), 'plain');
  assert.equal(await findModuleFile(root, 'gone'), undefined);
  assert.equal(await findModuleFile(root, 'never'), undefined);
});

test('refuses a list that names anything but modules below the directory', () => {
  for (const text of ['/etc/passwd\n', 'kernel/../../x.ko\n', 'kernel/x.txt\n']) {
    assert.throws(() => parseModuleOrder(text), InputError);
  }
});
