// Image, headers and source of one kernel, in the cache: only the parts that are read later are kept, never the .deb files.
//   kernels/RELEASE_VERSION/  identity.json, boot/, lib/modules/RELEASE/, headers/ (Module.symvers, .config, generated headers)

import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EnvironmentError, silentProgress, withStage } from '@resplice/report';
import { type Apt, systemApt } from './apt.js';
import { downloadInto } from './download.js';
import { type FetchOptions, fetchSource } from './fetch-source.js';
import { formatKernel, KernelIdentity } from './kernel-identity.js';
import { listOfferedKernels, type OfferedKernel } from './offered-kernels.js';
import { cacheRoot, makeOnce, readDirectory, type WorkOptions, writeWhole } from './store.js';
import { unpackDeb } from './unpack.js';

export interface FetchedKernel {
  readonly identity: KernelIdentity;
  readonly directory: string;
  /** The compressed kernel image. */
  readonly vmlinuz: string;
  /** The configuration the image was built with. */
  readonly config: string;
  /** `…/lib/modules/RELEASE`. */
  readonly modules: string;
  /** Parts of the headers package: `Module.symvers`, `include/generated`, `arch/x86/include/generated`. */
  readonly headers: string;
  readonly symvers: string;
  /** The source package's .tar.xz. */
  readonly sourceArchive: string;
  /** Debian's changelog of this version, as text. */
  readonly changelog: string;
}

/** Fetches whatever of this kernel the cache does not have yet. Without anything to fetch it takes milliseconds and asks nobody. */
export async function fetchKernel(
  identity: KernelIdentity,
  options: FetchOptions = {},
): Promise<FetchedKernel> {
  const directory = join(options.cache ?? cacheRoot(), 'kernels', `${identity.release}_${identity.version}`);
  const image = makeOnce(directory, (temporary) => buildKernel(temporary, identity, options), options.signal);
  // Both end before an error of either is thrown, so that nothing goes on behind the caller's back.
  const [source] = await Promise.allSettled([fetchSource(identity, options), image]);
  await image;
  if (source.status === 'rejected') throw source.reason;
  const headers = join(directory, 'headers');
  return {
    identity,
    directory,
    vmlinuz: join(directory, 'boot', `vmlinuz-${identity.release}`),
    config: join(directory, 'boot', `config-${identity.release}`),
    modules: join(directory, 'lib/modules', identity.release),
    headers,
    symvers: join(headers, 'Module.symvers'),
    sourceArchive: source.value.archive,
    changelog: source.value.changelog,
  };
}

/** The kernels whose image and headers are in the cache. */
export async function listFetchedKernels(options: WorkOptions = {}): Promise<readonly KernelIdentity[]> {
  const root = join(options.cache ?? cacheRoot(), 'kernels');
  const found: KernelIdentity[] = [];
  for (const name of await readDirectory(root)) {
    if (name.startsWith('.')) continue;
    const text = await readFile(join(root, name, 'identity.json'), 'utf8');
    found.push(KernelIdentity.parse(JSON.parse(text)));
  }
  return found;
}

async function buildKernel(
  temporary: string,
  identity: KernelIdentity,
  options: FetchOptions,
): Promise<void> {
  const progress = options.progress ?? silentProgress;
  const apt = options.apt ?? systemApt();
  const { packages } = await findOffer(identity, apt);
  await withStage(progress, 'fetch-image', formatKernel(identity), async () => {
    const deb = await downloadInto(temporary, packages.image, apt, { ...options, stage: 'fetch-image' });
    const release = identity.release;
    const members = [`./boot/vmlinuz-${release}`, `./boot/config-${release}`, `./lib/modules/${release}`];
    await unpackDeb(deb, members, temporary, options.signal);
    await rm(deb);
  });
  await withStage(progress, 'fetch-headers', formatKernel(identity), async () => {
    const deb = await downloadInto(temporary, packages.headers, apt, { ...options, stage: 'fetch-headers' });
    const inside = `./usr/src/${packages.headers.name}`;
    const members = [
      `${inside}/Module.symvers`,
      `${inside}/include/generated`,
      `${inside}/arch/*/include/generated`,
    ];
    const unpacked = join(temporary, 'unpacked');
    await mkdir(unpacked);
    await unpackDeb(deb, members, unpacked, options.signal);
    await rename(join(unpacked, inside), join(temporary, 'headers'));
    await rm(unpacked, { recursive: true });
    await rm(deb);
  });
  await writeWhole(join(temporary, 'identity.json'), `${JSON.stringify(identity, null, 2)}\n`);
}

async function findOffer(identity: KernelIdentity, apt: Apt): Promise<OfferedKernel> {
  const { kernels } = await listOfferedKernels(apt);
  const offer = kernels.find(
    (kernel) => kernel.identity.release === identity.release && kernel.identity.version === identity.version,
  );
  if (offer !== undefined) return offer;
  const names = kernels.map((kernel) => formatKernel(kernel.identity));
  throw new EnvironmentError(
    'kernel-not-offered',
    `apt does not offer ${formatKernel(identity)} any more; on offer: ${names.join(', ') || 'nothing: run `apt-get update`'}`,
    { context: { release: identity.release, version: identity.version, offered: names } },
  );
}
