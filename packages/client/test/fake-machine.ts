// A machine whose kernel is a list of updates; the kernel's own simulation is in the tests of the host package. Its files of the client are real
// and lie in a folder of their own, which outlives a `reboot`.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApplyResult, type Machine, openMachine, type UndoResult } from '@resplice/host';
import { accept, type Reason, refuse, type Verdict } from '@resplice/report';
import { hashContent, Manifest, type Update } from '@resplice/update';
import { type Client, openClient } from '../src/client.js';
import { type Places, placesBelow } from '../src/places.js';

export const BUILD = 'ab'.repeat(20);
export const OTHER_BUILD = 'cd'.repeat(20);

export class FakeHost {
  readonly folder = mkdtempSync(join(tmpdir(), 'resplice-client-'));
  readonly places: Places = placesBelow(this.folder);
  readonly files = new Map<string, string | Uint8Array>();
  /** Applied, oldest first. */
  applied: string[] = [];
  log: string[] = [];
  uptime = 100;
  now = new Date('2026-11-01T00:00:00Z');
  refuses = new Set<string>();
  /** Called before an update is applied; throws to end the command there, as a power cut does. */
  beforeApply: (id: string) => void = () => {};
  readonly asked: string[] = [];
  #boots = 0;

  constructor() {
    this.reboot();
  }

  reboot(buildId = BUILD, release = '6.1.0-47-amd64', version = '6.1.170-3'): void {
    this.#boots += 1;
    this.applied = [];
    this.log = ['Linux version 6.1.0'];
    this.uptime = 5;
    rmSync(this.places.running, { recursive: true, force: true });
    this.files.set('/proc/sys/kernel/osrelease', `${release}\n`);
    this.files.set('/proc/sys/kernel/version', `#1 SMP Debian ${version} (2026-05-08)\n`);
    this.files.set('/proc/sys/kernel/random/boot_id', `00000000-0000-4000-8000-00000000000${this.#boots}\n`);
    this.files.set('/proc/cmdline', 'root=/dev/vda1 quiet\n');
    this.files.set('/etc/machine-id', `${'0'.repeat(31)}1\n`);
    this.files.set('/sys/kernel/notes', buildIdNote(buildId));
  }

  close(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  client(): Promise<Client> {
    return openClient(this.machine(), { places: this.places });
  }

  readonly apply = async (update: Update): Promise<Verdict<ApplyResult>> => {
    const { id, module } = update.manifest;
    this.asked.push(id);
    this.beforeApply(id);
    if (this.refuses.has(id)) {
      const reason: Reason = { code: 'tasks-busy', subject: { symbol: 'f' }, found: 'busy' };
      return refuse([reason]);
    }
    const state = this.applied.includes(id) ? 'already-applied' : 'applied';
    if (state === 'applied') this.applied.push(id);
    const about = { id, module: module.name, engine: 'livepatch' as const, engineReason: '' };
    const none = { pending: [], notes: [], replaced: [] };
    return accept({ ...about, ...none, state, milliseconds: { checks: 0, load: 0, transition: 0 } });
  };

  readonly undo = async (id: string): Promise<Verdict<UndoResult>> => {
    const state = this.applied.includes(id) ? 'undone' : 'not-applied';
    this.applied = this.applied.filter((each) => each !== id);
    return accept({ state, id, notes: [], milliseconds: { transition: 0, unload: 0 } });
  };

  machine(): Machine {
    const real = openMachine();
    return {
      ...real,
      uid: 0,
      state: { read: () => undefined, write: () => {}, remove: () => {}, list: () => [] },
      readFile: (path) => {
        const content = this.#read(path);
        return content === undefined
          ? { ok: false, code: 'ENOENT' }
          : { ok: true, bytes: Buffer.from(content) };
      },
      listDirectory: (path) =>
        path === '/sys/kernel/livepatch' ? this.applied.map((id) => `resplice_${id}`) : undefined,
      openDevice: () => ({ ok: false, code: 'ENOENT' }),
      writeControl: (_path, text) => {
        this.log.push(text.replace(/^<\d>/, ''));
        return undefined;
      },
      readKernelLog: () => this.log,
      now: () => this.now,
      sleep: async (milliseconds) => {
        this.uptime += milliseconds / 1000;
      },
    };
  }

  #read(path: string): string | Uint8Array | undefined {
    if (path === '/proc/uptime') return `${this.uptime} 1.0\n`;
    if (path === '/proc/modules') {
      return [...this.applied]
        .reverse()
        .map((id) => `resplice_${id} 1 1 - Live 0x0\n`)
        .join('');
    }
    const [, id, name] = /^\/sys\/kernel\/livepatch\/resplice_(\w+)\/(enabled|transition)$/.exec(path) ?? [];
    if (id !== undefined && this.applied.includes(id)) return name === 'enabled' ? '1\n' : '0\n';
    return this.files.get(path);
  }
}

export function sampleUpdate(id: string, change: Partial<Manifest> = {}): Update {
  const module = Buffer.from(`\x7fELF ${id}`);
  const manifest = Manifest.parse({
    format: 1,
    id,
    description: `fixes ${id}`,
    cves: [],
    kernel: { release: '6.1.0-47-amd64', version: '6.1.170-3', architecture: 'x86_64', buildId: BUILD },
    engine: 'livepatch',
    engineReason: '',
    requires: [],
    patches: [],
    module: {
      file: `module/resplice_${id}.ko`,
      name: `resplice_${id}`,
      sha256: hashContent(module),
      signed: false,
    },
    objects: [],
    custom: { hooks: [], shadow: [], ignored: [], handled: [] },
    trampoline: null,
    notBuilt: [],
    tools: { resplice: '0.1.0', compiler: 'gcc', compilerOverride: null },
    ...change,
  });
  return { manifest, files: new Map([[manifest.module.file, module]]) };
}

/** An ELF note with the build id, as in /sys/kernel/notes. */
function buildIdNote(buildId: string): Uint8Array {
  const id = Buffer.from(buildId, 'hex');
  const head = Buffer.alloc(12);
  head.writeUInt32LE(4, 0);
  head.writeUInt32LE(id.length, 4);
  head.writeUInt32LE(3, 8);
  return Buffer.concat([head, Buffer.from('GNU\0'), id]);
}
