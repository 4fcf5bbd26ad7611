// What is wanted on one build of the kernel, with copies of the files, so that it can be applied again at boot without a network. Keyed by
// build id: after a reboot into another kernel, the set of the old one waits untouched for its return, and nothing of it is tried on the new one.
//
// An update is written down before it is applied: when the power goes in between, the next boot finishes what was begun. The file comes
// first and the list after it, so the list never names a file that is not there.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { TrustError } from '@resplice/report';
import { hashContent, type Manifest } from '@resplice/update';
import { z } from 'zod';
import type { Places } from '../places.js';
import { openDocument, readBytes, removeState, writeState } from './document.js';

const WantedUpdate = z.object({
  id: z.string().regex(/^[a-z0-9_]+$/),
  /** Of the .splice file. */
  sha256: z.string(),
  description: z.string(),
  cves: z.array(z.string()),
  requires: z.array(z.string()),
  since: z.string(),
});
export type WantedUpdate = z.infer<typeof WantedUpdate>;

const WantedList = z.object({
  format: z.literal(1),
  release: z.string(),
  buildId: z.string(),
  /** In the order of application. */
  updates: z.array(WantedUpdate),
});

export interface KernelBuild {
  readonly release: string;
  readonly buildId: string;
}

export interface WantedSet {
  /** In the order of application. Throws as Document.read does. */
  list(): readonly WantedUpdate[];
  /** Last in the order, or in its old place when it is wanted already. */
  add(manifest: Manifest, archive: Uint8Array, now: Date): Promise<void>;
  remove(id: string): Promise<void>;
  /** The .splice file. Throws TrustError `kept-update-damaged` when it is gone or altered. */
  readArchive(update: WantedUpdate): Uint8Array;
}

/** The folder of everything that is kept for one build. */
export function kernelFolder(places: Places, buildId: string): string {
  return join(places.state, 'kernels', buildId);
}

export function openWantedSet(places: Places, kernel: KernelBuild): WantedSet {
  const folder = kernelFolder(places, kernel.buildId);
  const document = openDocument(join(folder, 'wanted.json'), WantedList);
  const archive = (id: string) => join(folder, `${id}.splice`);
  const list = () => document.read()?.updates ?? [];
  const write = (updates: WantedUpdate[]) =>
    document.write({ format: 1, release: kernel.release, buildId: kernel.buildId, updates });
  return {
    list,
    async add({ id, description, cves, requires }, bytes, now) {
      const sha256 = hashContent(bytes);
      const before = list();
      if (before.some((each) => each.id === id && each.sha256 === sha256)) return;
      await writeState(archive(id), bytes);
      const wanted = { id, sha256, description, cves, requires, since: now.toISOString() };
      const known = before.some((each) => each.id === id);
      await write(known ? before.map((each) => (each.id === id ? wanted : each)) : [...before, wanted]);
    },
    async remove(id) {
      const before = list();
      if (!before.some((each) => each.id === id)) return;
      await write(before.filter((each) => each.id !== id));
      await removeState(archive(id));
    },
    readArchive({ id, sha256 }) {
      const bytes = readBytes(archive(id));
      if (bytes !== undefined && hashContent(bytes) === sha256) return bytes;
      const found = bytes === undefined ? 'is gone' : 'is not the file that was verified';
      const message = `${archive(id)}: ${found}; "resplice upgrade" gets it again`;
      throw new TrustError('kept-update-damaged', message, { context: { file: archive(id) } });
    },
  };
}

/** Builds of which something is kept here. */
export function listKeptKernels(places: Places): readonly string[] {
  try {
    return readdirSync(join(places.state, 'kernels')).sort();
  } catch {
    // No folder: nothing is kept yet.
    return [];
  }
}
