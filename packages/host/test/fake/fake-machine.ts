// A machine with a simulated kernel: /proc and /sys as Linux 6.1 shows them, and the livepatch core's behaviour: a transition
// takes a second, waits for busy tasks, can be turned round, and a disabled patch disappears before its module can go.
// Tests change its public fields to make a situation, and `beforeChange` to kill a command at any moment.

import { EnvironmentError } from '@resplice/report';
import type {
  CommandResult,
  DeviceOpen,
  FileOpen,
  FileRead,
  Lock,
  Machine,
  StateStore,
} from '../../src/machine/machine.js';
import { type CoreLoad, encodeBuildIdNotes, encodeCore, readCore } from './core-image.js';
import { FakeEngine } from './fake-engine.js';

export interface FakeTask {
  readonly pid: number;
  readonly command: string;
  readonly stack: readonly string[];
  /** Stays in the old or new world until the test clears this. */
  stuckIn?: 'old' | 'new' | undefined;
  state: number;
}

interface FakePatch {
  enabled: boolean;
  transitionSince: number | undefined;
  readonly objects: ReadonlyMap<string, readonly string[]>;
}

export interface FakeModule {
  readonly name: string;
  state: 'Live' | 'Loading';
  patch?: FakePatch | undefined;
}

const TRANSITION = 1000;
const CORE = 'resplice_core';

export class FakeMachine implements Machine {
  uid = 0;
  architecture = 'x86_64';
  /** Fixed files; a path mapped to an errno's name in braces, such as `{EACCES}`, cannot be read. */
  readonly files = new Map<string, string | Uint8Array>();
  kallsyms: string | undefined = '';
  core: readonly CoreLoad[] = [];
  vmcoreinfo: string | undefined = 'KERNELOFFSET=2000000\n';
  coreProblem: string | undefined;
  /** Oldest first. */
  modules: FakeModule[] = [];
  tasks: FakeTask[] = [{ pid: 1, command: 'systemd', stack: ['do_epoll_wait+0x1/0x2'], state: -1 }];
  /** What a module patches, by name: object → `function,rank`. */
  readonly loadable = new Map<string, ReadonlyMap<string, readonly string[]>>();
  insertFailure: { readonly output: string; readonly log: readonly string[] } | undefined;
  /** How many attempts of rmmod fail after a patch is gone. */
  busyRemovals = 1;
  log: string[] = [];
  clock = 0;
  locked = false;
  /** Called before everything that changes the machine or lets time pass. */
  beforeChange: (what: string) => void = () => {};
  /** There while its module is loaded. */
  engine: FakeEngine | undefined;
  /** Prepares the engine that the core's module will bring. */
  onEngine: (engine: FakeEngine) => void = () => {};
  readonly #state = new Map<string, Uint8Array>();

  readonly state: StateStore = {
    read: (name) => this.#state.get(name),
    write: (name, bytes) => {
      this.beforeChange(`write ${name}`);
      this.#state.set(name, bytes);
    },
    remove: (name) => {
      this.beforeChange(`remove ${name}`);
      this.#state.delete(name);
    },
    list: () => [...this.#state.keys()],
  };

  constructor(buildId: string) {
    const text: Record<string, string> = {
      '/proc/sys/kernel/osrelease': '6.1.0-47-amd64\n',
      '/proc/sys/kernel/version': '#1 SMP PREEMPT_DYNAMIC Debian 6.1.170-3 (2026-05-08)\n',
      '/proc/sys/kernel/ftrace_enabled': '1\n',
      '/proc/sys/kernel/modules_disabled': '0\n',
      '/sys/kernel/security/lockdown': '[none] integrity confidentiality\n',
      '/sys/module/module/parameters/sig_enforce': 'N\n',
      '/sys/kernel/debug/kprobes/list': '',
      '/sys/kernel/tracing/enabled_functions': '',
      '/sys/kernel/livepatch/': '',
    };
    for (const [path, content] of Object.entries(text)) this.files.set(path, content);
    this.files.set('/sys/kernel/notes', encodeBuildIdNotes(buildId));
  }

  readFile(path: string): FileRead {
    const content = this.#tree().get(path);
    if (content === undefined) return { ok: false, code: 'ENOENT' };
    const problem = typeof content === 'string' ? /^\{(E[A-Z]+)\}$/.exec(content)?.[1] : undefined;
    if (problem !== undefined) return { ok: false, code: problem };
    return { ok: true, bytes: Buffer.from(content) };
  }

  readUnpacked(path: string): FileRead {
    return this.readFile(path);
  }

  openFile(path: string): FileOpen {
    if (path === '/proc/kcore') return this.#openCore();
    const bytes = path === '/proc/kallsyms' ? this.kallsyms : undefined;
    if (bytes === undefined) return { ok: false, code: 'ENOENT' };
    const rest = Buffer.from(bytes);
    let at = 0;
    // The kernel hands out about a page per read.
    const read = (buffer: Uint8Array) => {
      const part = rest.subarray(at, at + Math.min(buffer.length, 4000));
      buffer.set(part);
      at += part.length;
      return part.length;
    };
    return { ok: true, file: { read, close: () => {} } };
  }

  openDevice(_name: string): DeviceOpen {
    const { engine } = this;
    if (engine === undefined) return { ok: false, code: 'ENOENT' };
    return { ok: true, device: engine.open() };
  }

  listDirectory(path: string): readonly string[] | undefined {
    const names = new Set<string>();
    let exists = false;
    for (const file of this.#tree().keys()) {
      if (!file.startsWith(`${path}/`)) continue;
      exists = true;
      const name = file.slice(path.length + 1).split('/')[0];
      if (name !== undefined && name !== '') names.add(name);
    }
    return exists ? [...names] : undefined;
  }

  writeControl(path: string, text: string): string | undefined {
    this.beforeChange(`write ${path}`);
    if (path === '/dev/kmsg') {
      this.log.push(text.replace(/^<\d>/, ''));
      return undefined;
    }
    const name = /^\/sys\/kernel\/livepatch\/(.+)\/enabled$/.exec(path)?.[1];
    const patch = this.modules.find((each) => each.name === name)?.patch;
    if (patch === undefined) return 'ENOENT';
    const enabled = text.trim() === '1';
    if (patch.enabled === enabled) return 'EINVAL';
    const running = this.modules.find((each) => each.patch?.transitionSince !== undefined);
    if (running !== undefined && running.patch !== patch) return 'EBUSY';
    if (running === undefined && enabled) return 'EINVAL';
    patch.enabled = enabled;
    this.#startTransition(patch);
    return undefined;
  }

  async insertModule(name: string, _module: Uint8Array): Promise<CommandResult> {
    this.beforeChange(`insmod ${name}`);
    if (this.insertFailure !== undefined) {
      this.log.push(...this.insertFailure.log);
      return { status: 1, output: this.insertFailure.output };
    }
    this.load(name);
    return { status: 0, output: '' };
  }

  async removeModule(name: string): Promise<CommandResult> {
    this.beforeChange(`rmmod ${name}`);
    const module = this.modules.find((each) => each.name === name);
    if (module === undefined)
      return { status: 1, output: `rmmod: ERROR: Module ${name} is not currently loaded` };
    const held = name === CORE ? this.engine?.updates.size !== 0 : this.engine?.updates.has(name) === true;
    if (held || module.patch !== undefined || this.busyRemovals > 0) {
      if (!held && module.patch === undefined) this.busyRemovals -= 1;
      return { status: 1, output: `rmmod: ERROR: Module ${name} is in use` };
    }
    this.modules = this.modules.filter((each) => each !== module);
    this.files.delete(`/sys/module/${name}/sections/.text`);
    if (name === CORE) this.engine = undefined;
    return { status: 0, output: '' };
  }

  readKernelLog(): readonly string[] {
    return this.log;
  }

  milliseconds(): number {
    return this.clock;
  }

  now(): Date {
    return new Date(Date.UTC(2026, 0, 1) + this.clock);
  }

  async sleep(milliseconds: number): Promise<void> {
    this.beforeChange('sleep');
    this.pass(milliseconds);
  }

  async lock(holder: string): Promise<Lock> {
    if (this.locked)
      throw new EnvironmentError('another-command-runs', `another command is at work (${holder})`);
    this.locked = true;
    return {
      release: async () => {
        this.locked = false;
      },
    };
  }

  /** Loads a module as `insmod` would; with nothing in `loadable` it patches nothing. */
  load(name: string): FakeModule {
    const objects = this.loadable.get(name);
    const patch = objects === undefined ? undefined : { enabled: true, transitionSince: undefined, objects };
    const module: FakeModule = { name, state: 'Live', patch };
    this.modules.push(module);
    this.files.set(`/sys/module/${name}/sections/.text`, `0xffffffffc0${this.modules.length}00000\n`);
    if (name === CORE) {
      this.engine = new FakeEngine((type, update) => this.beforeChange(`${type} ${update}`));
      this.onEngine(this.engine);
    }
    if (patch !== undefined) this.#startTransition(patch);
    return module;
  }

  /** Lets the kernel work for this long. */
  pass(milliseconds: number): void {
    this.clock += milliseconds;
    for (const module of this.modules) {
      const { patch } = module;
      if (patch?.transitionSince === undefined || this.clock - patch.transitionSince < TRANSITION) continue;
      const target = patch.enabled ? 1 : 0;
      for (const task of this.tasks) {
        if (task.stuckIn !== (patch.enabled ? 'old' : 'new')) task.state = target;
      }
      if (this.tasks.some(({ state }) => state !== target)) continue;
      for (const task of this.tasks) task.state = -1;
      patch.transitionSince = undefined;
      if (!patch.enabled) module.patch = undefined;
    }
  }

  #startTransition(patch: FakePatch): void {
    if (patch.transitionSince === undefined)
      for (const task of this.tasks) task.state = patch.enabled ? 0 : 1;
    patch.transitionSince = this.clock;
  }

  #openCore(): FileOpen {
    if (this.coreProblem !== undefined) return { ok: false, code: this.coreProblem };
    const image = encodeCore(this.core, this.vmcoreinfo);
    const read = (buffer: Uint8Array, position?: bigint) => readCore(image, buffer, position ?? 0n);
    return { ok: true, file: { read, close: () => {} } };
  }

  #tree(): ReadonlyMap<string, string | Uint8Array> {
    const tree = new Map(this.files);
    const lines = this.modules.map(
      ({ name, state }) =>
        `${name} 16384 ${this.engine?.updates.has(name) === false ? 0 : 1} - ${state} 0xffffffffc02f7000 (OEK)`,
    );
    tree.set('/proc/modules', `${lines.reverse().join('\n')}\n`);
    for (const { name, patch } of this.modules) {
      if (patch !== undefined) addPatch(tree, `/sys/kernel/livepatch/${name}`, patch, this.#loadedObjects());
    }
    for (const { pid, command, stack, state } of this.tasks) {
      const directory = `/proc/${pid}/task/${pid}`;
      tree.set(`${directory}/comm`, `${command}\n`);
      tree.set(`${directory}/patch_state`, `${state}\n`);
      tree.set(`${directory}/stack`, stack.map((frame) => `[<0>] ${frame}\n`).join(''));
    }
    return tree;
  }

  #loadedObjects(): ReadonlySet<string> {
    return new Set(['vmlinux', ...this.modules.map(({ name }) => name)]);
  }
}

function addPatch(
  tree: Map<string, string | Uint8Array>,
  directory: string,
  patch: FakePatch,
  loaded: ReadonlySet<string>,
): void {
  tree.set(`${directory}/enabled`, patch.enabled ? '1\n' : '0\n');
  tree.set(`${directory}/transition`, patch.transitionSince === undefined ? '0\n' : '1\n');
  tree.set(`${directory}/force`, '{EACCES}');
  for (const [object, functions] of patch.objects) {
    tree.set(`${directory}/${object}/patched`, loaded.has(object) ? '1\n' : '0\n');
    for (const each of functions) tree.set(`${directory}/${object}/${each}/`, '');
  }
}
