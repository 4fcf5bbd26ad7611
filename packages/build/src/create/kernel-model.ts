// Everything the engine wants to know about one shipped kernel: its image, symbols, types and exports, and its modules as
// they are asked for. The decompressed image is kept in the cache, for decompressing takes longer than all the rest.

import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Compression,
  type ExportedSymbol,
  findModinfo,
  findModuleBuildId,
  type KernelImage,
  KernelLayouts,
  type LinkedModule,
  linkModule,
  locatePayload,
  type ObjectFile,
  openVmlinux,
  parseImageSites,
  parseKallsyms,
  parseKernelImage,
  parseObject,
  parseSymvers,
  type RunningObject,
  requireBtf,
  type SymbolTable,
} from '@resplice/engine';
import { InputError } from '@resplice/report';
import { execa } from 'execa';
import { toolEnvironment } from '../debian/command.js';
import type { FetchedKernel } from '../debian/fetch-kernel.js';
import { findModuleFile, listModules, readModule } from '../debian/module-file.js';
import { exists, writeWhole } from '../debian/store.js';
import { duringTool } from '../debian/tool-clock.js';

export interface ShippedModule {
  readonly running: RunningObject;
  readonly buildId: string;
  readonly vermagic: string;
  /** Modules that are loaded whenever it is, as the kernel spells them. */
  readonly depends: readonly string[];
}

interface ModelParts {
  readonly kernel: FetchedKernel;
  readonly image: KernelImage;
  readonly symbols: SymbolTable;
  readonly vmlinux: RunningObject;
  readonly layouts: KernelLayouts;
  readonly exports: ReadonlyMap<string, ExportedSymbol>;
  readonly btf: ReturnType<typeof requireBtf>;
}

/** One shipped kernel, parsed. */
export class KernelModel {
  readonly image: KernelImage;
  readonly symbols: SymbolTable;
  readonly vmlinux: RunningObject;
  readonly layouts: KernelLayouts;
  readonly exports: ReadonlyMap<string, ExportedSymbol>;
  readonly #kernel: FetchedKernel;
  readonly #modules = new Map<string, ShippedModule | undefined>();
  readonly #btf: ReturnType<typeof requireBtf>;

  private constructor(parts: ModelParts) {
    this.#kernel = parts.kernel;
    this.image = parts.image;
    this.symbols = parts.symbols;
    this.vmlinux = parts.vmlinux;
    this.layouts = parts.layouts;
    this.exports = parts.exports;
    this.#btf = parts.btf;
  }

  static parse(
    kernel: FetchedKernel,
    image: KernelImage,
    exports: ReadonlyMap<string, ExportedSymbol>,
  ): KernelModel {
    const btf = requireBtf(image);
    const symbols = parseKallsyms(image);
    const vmlinux = openVmlinux(image, symbols, parseImageSites(image, symbols));
    return new KernelModel({
      kernel,
      image,
      symbols,
      exports,
      btf,
      vmlinux,
      layouts: new KernelLayouts(btf),
    });
  }

  /** The same kernel for another update: what was parsed is shared, modules that were read are let go with their model. */
  fork(): KernelModel {
    const { image, symbols, vmlinux, layouts, exports } = this;
    return new KernelModel({
      image,
      symbols,
      vmlinux,
      layouts,
      exports,
      kernel: this.#kernel,
      btf: this.#btf,
    });
  }

  /** Reads a shipped module; undefined when the kernel has none of that name. */
  async loadModule(name: string): Promise<ShippedModule | undefined> {
    if (!this.#modules.has(name)) this.#modules.set(name, await this.#readModule(name));
    return this.#modules.get(name);
  }

  /** Forgets the others: a header that everybody includes would bring in all modules of the kernel, gigabytes of them. */
  keepModules(names: ReadonlySet<string>): void {
    for (const name of this.#modules.keys()) if (!names.has(name)) this.#modules.delete(name);
  }

  /** A module that was loaded before. */
  loadedModule(name: string): ShippedModule | undefined {
    return this.#modules.get(name);
  }

  /** The kernel itself or one of its modules, which must have been loaded. */
  object(name: string): RunningObject {
    const found = name === 'vmlinux' ? this.vmlinux : this.#modules.get(name)?.running;
    if (found !== undefined) return found;
    throw new InputError('no-such-module', `${this.#kernel.identity.release} has no module ${name}`);
  }

  /** A module of this kernel that is not one of the shipped ones, linked to made-up addresses. */
  linkModule(name: string, object: ObjectFile): LinkedModule {
    return linkModule(name, object, this.#btf);
  }

  /** `vermagic` of the shipped modules, which is the same for all of them. */
  async vermagic(): Promise<string> {
    for (const name of (await listModules(this.#kernel.modules)).keys()) {
      const module = await this.loadModule(name);
      if (module !== undefined) return module.vermagic;
    }
    throw new InputError(
      'no-modules',
      `${this.#kernel.identity.release} has no module to learn its vermagic from; build one at least (CONFIG_DUMMY=m will do)`,
    );
  }

  async #readModule(name: string): Promise<ShippedModule | undefined> {
    const file = await findModuleFile(this.#kernel.modules, name);
    if (file === undefined) return undefined;
    const object = parseObject(await readModule(file), name);
    const vermagic = findModinfo(object, 'vermagic');
    const buildId = findModuleBuildId(object);
    if (vermagic === undefined || buildId === undefined) {
      throw new InputError('not-a-module', `${file}: no vermagic or no build id; expected a kernel module`);
    }
    const depends = (findModinfo(object, 'depends') ?? '').split(',').filter((each) => each !== '');
    return {
      running: linkModule(name, object, this.#btf),
      buildId,
      vermagic,
      depends: depends.map((each) => each.replaceAll('-', '_')),
    };
  }
}

/** Parses the kernel; decompresses its image the first time. */
export async function loadKernelModel(kernel: FetchedKernel): Promise<KernelModel> {
  const unpacked = join(kernel.directory, 'vmlinux');
  if (!(await exists(unpacked))) await writeWhole(unpacked, await unpackImage(kernel));
  const [payload, symvers] = await Promise.all([readFile(unpacked), readFile(kernel.symvers, 'utf8')]);
  const image = parseKernelImage(payload, `vmlinux of ${kernel.identity.release}`);
  if (image.release !== kernel.identity.release) {
    const text = `${kernel.vmlinuz}: the image is of ${image.release}; expected ${kernel.identity.release}`;
    throw new InputError('wrong-image', `${text}; delete ${kernel.directory} and fetch it again`);
  }
  return KernelModel.parse(kernel, image, parseSymvers(symvers, kernel.symvers));
}

const DECOMPRESSORS: Partial<Record<Compression, readonly [string, ...string[]]>> = {
  xz: ['xz', '--decompress', '--stdout'],
  gzip: ['gzip', '--decompress', '--stdout'],
  zstd: ['zstd', '--decompress', '--stdout'],
  lz4: ['lz4', '-d', '-c'],
  bzip2: ['bzip2', '-d', '-c'],
  lzma: ['xz', '--format=lzma', '--decompress', '--stdout'],
};

/** Decompresses, in `directory`, by the machine's tools: the x86 filter of the kernel's xz stream is in no library of ours. */
export async function unpackImage(kernel: Pick<FetchedKernel, 'vmlinuz' | 'directory'>): Promise<Uint8Array> {
  const image = await readFile(kernel.vmlinuz);
  const { offset, length, compression } = locatePayload(image, kernel.vmlinuz);
  const command = DECOMPRESSORS[compression];
  if (command === undefined) {
    throw new InputError(
      'unknown-compression',
      `${kernel.vmlinuz}: compressed with ${compression}, which is not supported`,
    );
  }
  const packed = join(kernel.directory, `.vmlinux.${process.pid}.${compression}`);
  await writeFile(packed, image.subarray(offset, offset + length));
  try {
    const [tool, ...args] = command;
    const { stdout } = await duringTool(async () =>
      execa(tool, args, {
        inputFile: packed,
        encoding: 'buffer',
        env: toolEnvironment(),
        extendEnv: false,
        maxBuffer: 512 * 1024 * 1024,
      }),
    );
    return stdout;
  } finally {
    await rm(packed, { force: true });
  }
}
