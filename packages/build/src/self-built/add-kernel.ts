// A kernel that somebody built themselves enters the cache, in the form in which Debian's come: image, configuration, modules, headers, and the source as it
// was before the build. From then on it is named like any other (`--kernel RELEASE`), and every command works on it. Rejected: options of `create` that
// name tree, image and symbols one by one. `try`, `evaluate` and stacked updates would need them, too, and the tree must not change between two calls.
//
// Taken from the folder of the build, which is only read:
//   boot/        arch/x86/boot/bzImage, .config
//   lib/modules  the modules of modules.order, without debug information, under kernel/ as modules_install puts them
//   headers/     Module.symvers and the generated headers, with which those of the prepared tree are compared
//   source       everything but what the build made; of a build with O= its source folder
// There is no version of a distribution; the build id of the image takes its place, so a kernel that is built again is another one.

import { copyFile, cp, mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseKernelImage } from '@resplice/engine';
import { InputError, silentProgress, withStage } from '@resplice/report';
import { unpackImage } from '../create/kernel-model.js';
import { runCommand } from '../debian/command.js';
import { type FetchedKernel, fetchKernel } from '../debian/fetch-kernel.js';
import { sourceDirectory } from '../debian/fetch-source.js';
import { formatKernel, type KernelIdentity, SELF_BUILT } from '../debian/kernel-identity.js';
import { cacheRoot, exists, makeOnce, type WorkOptions, writeWhole } from '../debian/store.js';
import { parseBuiltModules } from './built-modules.js';
import { copySource } from './copy-source.js';

const IMAGE = 'arch/x86/boot/bzImage';
const RELEASE = 'include/config/kernel.release';
const GENERATED = ['include/generated', 'arch/x86/include/generated'];
/** What every build leaves behind. */
const NEEDED = [IMAGE, '.config', RELEASE, 'Module.symvers', ...GENERATED];

/**
 * Puts the kernel that was built in `build` into the cache; one that is there already is left as it is.
 * @throws InputError `not-a-built-kernel` naming what is missing
 */
export async function addKernel(build: string, options: WorkOptions = {}): Promise<FetchedKernel> {
  for (const path of NEEDED)
    if (!(await exists(join(build, path)))) throw notBuilt(build, `there is no ${path}`);
  const source = await findSource(build);
  const release = (await readFile(join(build, RELEASE), 'utf8')).trim();
  const cache = options.cache ?? cacheRoot();
  const draft = join(cache, 'kernels', `.added-${process.pid}`);
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true });
  try {
    const { vmlinux, identity } = await identify(build, release, draft);
    const progress = options.progress ?? silentProgress;
    await withStage(progress, 'add-source', formatKernel(identity), () =>
      storeSource(source, identity, options),
    );
    const directory = join(cache, 'kernels', `${release}_${identity.version}`);
    await withStage(progress, 'add-kernel', formatKernel(identity), async () => {
      await makeOnce(
        directory,
        (temporary) => storeKernel(build, temporary, { identity, vmlinux }),
        options.signal,
      );
    });
    return await fetchKernel(identity, options);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** The image says which build it is of; that it is of the release beside it is checked, for `make` may have been broken off. */
async function identify(
  build: string,
  release: string,
  scratch: string,
): Promise<{ readonly vmlinux: Uint8Array; readonly identity: KernelIdentity }> {
  const vmlinux = await unpackImage({ vmlinuz: join(build, IMAGE), directory: scratch });
  const image = parseKernelImage(vmlinux, join(build, IMAGE));
  if (image.release !== release)
    throw notBuilt(build, `${IMAGE} is of ${image.release}, and ${RELEASE} says ${release}`);
  const identity = {
    release,
    abi: release,
    flavour: SELF_BUILT,
    version: `build-${image.buildId.slice(0, 12)}`,
    sourcePackage: `linux-source-${SELF_BUILT}`,
    imagePackage: SELF_BUILT,
    headersPackage: SELF_BUILT,
  };
  return { vmlinux, identity };
}

/** The folder with the source: the build's own, or with `make O=` the one it links to. */
async function findSource(build: string): Promise<string> {
  const linked = join(build, 'source');
  const source = (await exists(linked)) ? await realpath(linked) : build;
  if (await exists(join(source, 'Kbuild'))) return source;
  throw notBuilt(build, `the source is not there (no ${join(source, 'Kbuild')})`);
}

/** Where unpacked sources of the distribution are, so that whoever wants this one finds it. */
async function storeSource(source: string, identity: KernelIdentity, options: WorkOptions): Promise<void> {
  const { sourcePackage, version, release } = identity;
  const pristine = join(options.cache ?? cacheRoot(), 'pristine', `${sourcePackage}_${version}`);
  await makeOnce(
    pristine,
    (temporary) => copySource(source, join(temporary, 'linux'), options.signal),
    options.signal,
  );
  await makeOnce(
    sourceDirectory(identity, options),
    (temporary) => writeFile(join(temporary, 'changelog'), `${release}: built from ${source}\n`),
    options.signal,
  );
}

async function storeKernel(
  build: string,
  to: string,
  { identity, vmlinux }: { readonly identity: KernelIdentity; readonly vmlinux: Uint8Array },
): Promise<void> {
  const { release } = identity;
  await mkdir(join(to, 'boot'));
  await copyFile(join(build, IMAGE), join(to, 'boot', `vmlinuz-${release}`));
  await copyFile(join(build, '.config'), join(to, 'boot', `config-${release}`));
  await writeFile(join(to, 'vmlinux'), vmlinux);
  for (const path of GENERATED) await cp(join(build, path), join(to, 'headers', path), { recursive: true });
  await copyFile(join(build, 'Module.symvers'), join(to, 'headers/Module.symvers'));
  await storeModules(build, join(to, 'lib/modules', release));
  await writeWhole(join(to, 'identity.json'), `${JSON.stringify(identity, null, 2)}\n`);
}

async function storeModules(build: string, to: string): Promise<void> {
  const order = join(build, 'modules.order');
  const paths = (await exists(order)) ? parseBuiltModules(await readFile(order, 'utf8')) : [];
  for (const path of paths) {
    const [from, module] = [join(build, path), join(to, 'kernel', path)];
    if (!(await exists(from))) throw notBuilt(build, `the module ${path} was not built`);
    await mkdir(dirname(module), { recursive: true });
    await runCommand('strip', ['--strip-debug', '-o', module, from]);
  }
  await mkdir(to, { recursive: true });
  await writeFile(join(to, 'modules.order'), paths.map((path) => `kernel/${path}\n`).join(''));
  for (const name of ['modules.builtin', 'modules.builtin.modinfo'])
    if (await exists(join(build, name))) await copyFile(join(build, name), join(to, name));
}

function notBuilt(build: string, what: string): InputError {
  return new InputError(
    'not-a-built-kernel',
    `${build}: ${what}; give the folder in which the kernel was built with make, bzImage and modules, and nothing was cleaned`,
    { context: { directory: build } },
  );
}
