// A publisher's folder for tests: cheap keys, one passphrase, a clock that is set by hand, and a client that looks at it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hashContent, Manifest, type Update } from '@resplice/update';
import {
  listAvailableUpdates,
  type MetadataStore,
  openDirectorySource,
  refreshMetadata,
} from '@resplice/update/repository';
import {
  type KeyRequest,
  makeRoleKeys,
  openSite,
  type Passphrases,
  type PublishOptions,
  type PublishRequest,
  parseValidity,
  publish,
  rotateRoleKeys,
  type Site,
  signDrafts,
} from '../src/index.js';

export const NOW = new Date('2026-11-25T12:00:00Z');
export const PASSPHRASE = 'correct horse battery';
export const KERNEL = { release: '6.1.0-47-amd64', buildId: 'ab'.repeat(20) };

export const passphrases: Passphrases = {
  forNewKeys: async () => PASSPHRASE,
  forKey: async (name, again) => {
    if (again) throw new Error(`the passphrase does not open ${name}`);
    return PASSPHRASE;
  },
};

export function memoryStore(): MetadataStore {
  const kept = new Map<string, Uint8Array>();
  return {
    read: (role) => kept.get(role),
    write: async (role, bytes) => void kept.set(role, bytes),
    remove: async (role) => void kept.delete(role),
  };
}

export class Workshop {
  readonly folder = mkdtempSync(join(tmpdir(), 'resplice-site-'));
  readonly site: Site = openSite(this.folder);
  now = NOW;

  options(folders: readonly string[] = [this.site.keys]) {
    return { site: this.site, folders, passphrases, now: this.now, cost: 2 ** 4 };
  }

  make(roles: readonly string[], more: Partial<KeyRequest> = {}, folders?: readonly string[]) {
    return makeRoleKeys({ roles, count: undefined, threshold: undefined, ...more }, this.options(folders));
  }

  rotate(roles: readonly string[], more: Partial<KeyRequest> = {}, folders?: readonly string[]) {
    return rotateRoleKeys({ roles, count: undefined, threshold: undefined, ...more }, this.options(folders));
  }

  sign(folders?: readonly string[]) {
    return signDrafts(this.options(folders));
  }

  publish(request: Partial<PublishRequest> = {}, more: Partial<PublishOptions> = {}) {
    const validity = parseValidity([]);
    return publish({ updates: [], withdrawn: [], ...request }, { ...this.options(), validity, ...more });
  }

  /** A repository with one update, `fix_1`. */
  async begin(): Promise<void> {
    await this.make(['root'], { count: 3, threshold: 2 });
    await this.make(['targets', 'snapshot', 'timestamp', 'linux-6.1']);
    await this.sign();
    await this.publish({ updates: [sampleUpdate('fix_1')] });
  }

  /** The ids that a client sees which believes this root. */
  async look(root: Uint8Array, store: MetadataStore = memoryStore()): Promise<readonly string[]> {
    const source = openDirectorySource(join(this.folder, 'public'));
    const trusted = await refreshMetadata({ source, store, root, now: this.now });
    return (await listAvailableUpdates(trusted, KERNEL)).map(({ info }) => info.id);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

const MODULE = Buffer.from('\x7fELF the module');
const PATCH = Buffer.from('--- a/net/core/sock.c\n+++ b/net/core/sock.c\n');

export function sampleUpdate(id: string, change: Partial<Manifest> = {}): Update {
  const manifest = Manifest.parse({
    format: 1,
    id,
    description: 'restricts socket filters',
    cves: ['CVE-2026-53236'],
    kernel: { ...KERNEL, version: '6.1.170-3', architecture: 'x86_64' },
    engine: 'livepatch',
    engineReason: 'every function can be redirected by it',
    requires: [],
    patches: [{ file: 'patches/0001-tcp.patch', sha256: hashContent(PATCH), subject: '' }],
    module: {
      file: `module/resplice_${id}.ko`,
      name: `resplice_${id}`,
      sha256: hashContent(MODULE),
      signed: false,
    },
    objects: [],
    custom: { hooks: [], shadow: [], ignored: [], handled: [] },
    trampoline: null,
    notBuilt: [],
    tools: { resplice: '0.1.0', compiler: 'gcc-12 12.2.0', compilerOverride: null },
    ...change,
  });
  const files = new Map([
    [manifest.module.file, MODULE],
    ['patches/0001-tcp.patch', PATCH],
  ]);
  return { manifest, files };
}
