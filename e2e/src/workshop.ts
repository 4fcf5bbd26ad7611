// Where the material of the tests is made, anew in each run and through the real command: patches from the difference of two
// source packages or by editing a shipped file, updates, probes. Nothing of it is committed, so nothing of it can be stale.

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { type FetchedKernel, type PreparedTree, prepareTree } from '@resplice/build';
import type { Manifest } from '@resplice/update';
import { choosePair, type Kernel, type KernelPair } from './kernel-pair.js';
import { type Answer, ROOT, resplice, run } from './resplice-command.js';

export interface MadeUpdate {
  readonly id: string;
  /** The .splice file. */
  readonly file: string;
  readonly manifest: Manifest;
}

export type EngineName = 'auto' | 'livepatch' | 'trampoline';

export interface UpdateOptions {
  /** The workshop's when absent. */
  readonly engine?: EngineName | 'auto';
  readonly on?: readonly MadeUpdate[];
  readonly id?: string;
  /** Refuses what applies only while a module is not loaded. */
  readonly unconditional?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface Rewrite {
  /** In the kernel tree, for example `net/core/sock.c`. */
  readonly path: string;
  /** Patches below the edit; it sees the text they leave. */
  readonly on?: readonly string[];
  readonly edit: (text: string) => string;
}

export class Workshop {
  /** The kernel that updates are made for. */
  readonly target: Kernel;
  readonly directory: string;
  /** That updates are made for unless a case says otherwise. */
  readonly engine: EngineName;
  readonly #pair: KernelPair | undefined;
  #tree: Promise<PreparedTree> | undefined;

  private constructor(
    target: Kernel,
    pair: KernelPair | undefined,
    place: { readonly directory: string; readonly engine: EngineName },
  ) {
    this.target = target;
    this.#pair = pair;
    this.directory = place.directory;
    this.engine = place.engine;
  }

  /** For this kernel, or the older one of a pair; by itself, of the pair that can be had. */
  static async open(kernel?: Kernel | KernelPair, engine: EngineName = 'livepatch'): Promise<Workshop> {
    const target = kernel ?? (await choosePair((line) => console.log(line)));
    const pair = isPair(target) ? target : undefined;
    return new Workshop(target, pair, { directory: await mkdtemp(join(tmpdir(), 'resplice-e2e-')), engine });
  }

  get pair(): KernelPair {
    if (this.#pair === undefined) throw new Error('this workshop was opened for one kernel, not for a pair');
    return this.#pair;
  }

  async close(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }

  /** As `--kernel` takes it. */
  get kernel(): string {
    return `${this.target.release}=${this.target.version}`;
  }

  /** Fetches a kernel; from the cache when it is there. */
  async fetch(kernel: Kernel = this.target): Promise<FetchedKernel> {
    const answer = await resplice(['kernel', 'fetch', `${kernel.release}=${kernel.version}`]);
    if (!answer.ok) throw new Error(`${kernel.release} cannot be fetched: ${answer.text}`);
    return answer.json.kernel as FetchedKernel;
  }

  /** The patch that the fixed source is of the shipped one, in these files. */
  async diff(name: string, ...paths: string[]): Promise<string> {
    const patch = join(this.directory, `${name}.patch`);
    const answer = await resplice([
      'kernel',
      'diff',
      this.pair.version,
      this.pair.fixed,
      ...paths,
      '-o',
      patch,
    ]);
    if (!answer.ok) throw new Error(`no difference of ${paths.join(' ')}: ${answer.text}`);
    return patch;
  }

  /** A patch that edits a shipped file. */
  async rewrite(name: string, rewrite: Rewrite): Promise<string> {
    const { path, edit } = rewrite;
    const [before, after] = [join(this.directory, name, 'a', path), join(this.directory, name, 'b', path)];
    const text = await this.readSource(rewrite);
    await writeInto(before, text);
    await writeInto(after, edit(text));
    const { stdout } = await run('diff', [
      '-u',
      '--label',
      `a/${path}`,
      '--label',
      `b/${path}`,
      before,
      after,
    ]);
    const patch = join(this.directory, `${name}.patch`);
    await writeFile(patch, stdout);
    return patch;
  }

  /** A shipped file, with patches applied. */
  async readSource({ path, on = [] }: Pick<Rewrite, 'path' | 'on'>): Promise<string> {
    const { directory } = await this.prepare();
    const text = await readFile(join(directory, path), 'utf8');
    if (on.length === 0) return text;
    const file = join(await mkdtemp(join(this.directory, 'source-')), path);
    await writeInto(file, text);
    for (const patch of on) await assertRuns('patch', ['--silent', file, patch]);
    return readFile(file, 'utf8');
  }

  /** The prepared tree of the kernel. */
  prepare(): Promise<PreparedTree> {
    this.#tree ??= this.fetch().then((kernel) => prepareTree(kernel));
    return this.#tree;
  }

  /** What `create` answers, whatever that is. */
  async tryToCreate(name: string, patches: readonly string[], options: UpdateOptions = {}): Promise<Answer> {
    const args = [
      ...['create', '--kernel', this.kernel, '-o', this.#updateFile(name)],
      ...patches.flatMap((patch) => ['--patch', patch]),
      ...(options.on ?? []).flatMap(({ file }) => ['--on', file]),
      ...(options.id === undefined ? [] : ['--id', options.id]),
      ...['--engine', options.engine ?? this.engine],
      ...(options.unconditional === true ? ['--unconditional'] : []),
    ];
    return resplice(args, options.environment);
  }

  /** Makes an update that must succeed. */
  async create(name: string, patches: readonly string[], options: UpdateOptions = {}): Promise<MadeUpdate> {
    const answer = await this.tryToCreate(name, patches, options);
    if (!answer.ok) throw new Error(`create ${name}: ${answer.text}`);
    const manifest = answer.json.manifest as Manifest;
    return { id: manifest.id, file: this.#updateFile(name), manifest };
  }

  inspect(file: string): Promise<Answer> {
    return resplice(['inspect', file]);
  }

  /** Compiles a program of e2e/probes. */
  compileProbe(name: string): Promise<string> {
    return this.compile(join(ROOT, `e2e/probes/${name}.c`));
  }

  /** Compiles a program of one file, so that it runs in any guest. */
  async compile(source: string): Promise<string> {
    const output = join(this.directory, basename(source, '.c'));
    await assertRuns('gcc-12', ['-static', '-O2', '-Wall', '-Werror', '-o', output, source]);
    return output;
  }

  #updateFile(name: string): string {
    return join(this.directory, `${name}.splice`);
  }
}

function isPair(kernel: Kernel | KernelPair): kernel is KernelPair {
  return 'fixed' in kernel;
}

/** Replaces what must occur exactly once, so that an edit that no longer fits is noticed. */
export function replaceOnce(text: string, search: string, replacement: string): string {
  const parts = text.split(search);
  if (parts.length !== 2)
    throw new Error(`${JSON.stringify(search)} occurs ${parts.length - 1} times; expected 1`);
  return parts.join(replacement);
}

async function assertRuns(program: string, args: readonly string[]): Promise<void> {
  const { status, stdout, stderr } = await run(program, args);
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stdout}${stderr}`);
}

async function writeInto(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
}
