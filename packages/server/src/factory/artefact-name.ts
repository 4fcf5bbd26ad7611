// Where the factory keeps what is too large for a row. Names are hashes of the content (or of the question that it answers), so equal things
// lie there once and whoever reads one can check it. All of it is the organisation's, under the prefix that its artefact routes have.

import { createHash } from 'node:crypto';
import type { ArtefactStore } from '../artefact/artefact-store.js';

const SUFFIXES = {
  /** Diff of a unit, or one patch of a series. */
  patch: 'patch',
  /** Answer to a question about a unit, a kernel and a program, by the hash of the question. */
  result: 'json',
  /** What a reviewer sees of a conversion. */
  detail: 'json',
  /** All that was reviewed. */
  review: 'json',
  update: 'splice',
  log: 'txt',
} as const;

export type FactoryArtefact = keyof typeof SUFFIXES;

export function hashOf(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Without the organisation, as its routes know it. */
export function artefactName(kind: FactoryArtefact, sha256: string): string {
  return `factory/${kind}/${sha256}.${SUFFIXES[kind]}`;
}

/** Kept under the hash of the content. */
export async function keepArtefact(
  store: ArtefactStore,
  organisationId: string,
  kind: FactoryArtefact,
  content: Uint8Array | string,
): Promise<string> {
  const sha256 = hashOf(content);
  await store.put(`${organisationId}/${artefactName(kind, sha256)}`, Buffer.from(content));
  return sha256;
}

export async function readArtefact(
  store: ArtefactStore,
  organisationId: string,
  kind: FactoryArtefact,
  sha256: string,
): Promise<Buffer | undefined> {
  const bytes = await store.get(`${organisationId}/${artefactName(kind, sha256)}`);
  return bytes === undefined ? undefined : Buffer.from(bytes);
}
