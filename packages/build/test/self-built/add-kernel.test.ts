// What is not a kernel that was built, and what is taken out of one. A whole one goes through `npm run test:kernels`.

import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { addKernel } from '../../src/self-built/add-kernel.js';
import { parseBuiltModules } from '../../src/self-built/built-modules.js';
import { copySource } from '../../src/self-built/copy-source.js';

let scratch = '';

before(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'resplice-self-built-'));
});

after(() => rm(scratch, { recursive: true, force: true }));

async function makeTree(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const tree = join(scratch, name);
  await mkdir(tree);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(tree, path)), { recursive: true });
    await writeFile(join(tree, path), text);
  }
  return tree;
}

const BUILT = {
  'arch/x86/boot/bzImage': 'no image at all, but long enough to be looked at'.repeat(50),
  '.config': 'CONFIG_64BIT=y\n',
  'include/config/kernel.release': '6.1.170-own\n',
  'Module.symvers': '',
  'include/generated/autoconf.h': '',
  'arch/x86/include/generated/asm/x.h': '',
};

describe('addKernel', () => {
  for (const missing of ['arch/x86/boot/bzImage', '.config', 'Module.symvers'])
    it(`refuses a folder without ${missing}, and names it`, async () => {
      const { [missing as keyof typeof BUILT]: _, ...files } = BUILT;
      const tree = await makeTree(`without-${missing.replaceAll('/', '-')}`, files);
      await assert.rejects(addKernel(tree, { cache: join(scratch, 'cache') }), {
        code: 'not-a-built-kernel',
        message: new RegExp(`there is no ${missing}; give the folder in which the kernel was built`),
      });
    });

  it('refuses a folder whose source is elsewhere', async () => {
    const tree = await makeTree('no-source', BUILT);
    await assert.rejects(addKernel(tree, { cache: join(scratch, 'cache') }), /the source is not there/);
  });

  it('leaves nothing in the cache when the image is none', async () => {
    const tree = await makeTree('no-image', { ...BUILT, Kbuild: '' });
    const cache = join(scratch, 'empty');
    await assert.rejects(addKernel(tree, { cache }), { name: 'InputError' });
    assert.deepEqual(await readdir(join(cache, 'kernels')), []);
    assert.deepEqual(await readdir(cache), ['kernels']);
  });
});

describe('the modules of a build', () => {
  it('are the .ko of the lines of modules.order, old and new', () => {
    assert.deepEqual(parseBuiltModules('drivers/net/dummy.ko\nkernel/fs/fat/fat.ko\n'), [
      'drivers/net/dummy.ko',
      'fs/fat/fat.ko',
    ]);
    assert.deepEqual(parseBuiltModules('drivers/net/dummy.o\n'), ['drivers/net/dummy.ko']);
    assert.deepEqual(parseBuiltModules(''), []);
  });
});

describe('the source of a build', () => {
  it('is everything but what the build made, as the tree itself says', async () => {
    const tree = await makeTree('tree', {
      Makefile: 'mrproper:\n\trm -f generated.h\n',
      'kernel/sys.c': 'int x;\n',
      'kernel/sys.o': 'object',
      'arch/x86/kernel/vmlinux.lds.S': '',
      'generated.h': '',
      vmlinux: 'image',
    });
    const copy = join(scratch, 'copy');
    await copySource(tree, copy, undefined);
    assert.deepEqual((await readdir(copy)).sort(), ['Makefile', 'arch', 'kernel']);
    assert.deepEqual(await readdir(join(copy, 'kernel')), ['sys.c']);
    assert.deepEqual(await readdir(join(copy, 'arch/x86/kernel')), ['vmlinux.lds.S']);
  });

  it('cannot be copied from a folder that is not there, and says so', async () => {
    await assert.rejects(copySource(join(scratch, 'nowhere'), join(scratch, 'copy-2'), undefined), {
      code: 'source-not-readable',
    });
  });
});
