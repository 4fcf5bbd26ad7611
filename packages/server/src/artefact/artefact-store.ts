// Where finished and half finished things lie (update files, logs, packages): on the disk or in an object store. The interface
// is as small as both can keep: a name stands for whole bytes or for nothing.

import { InputError } from '@resplice/report';

export interface StoredArtefact {
  readonly name: string;
  readonly length: number;
}

export interface ArtefactStore {
  readonly kind: 'disk' | 's3';
  /** Visible whole or not at all, under this name, once it resolves. */
  put(name: string, bytes: Uint8Array): Promise<void>;
  get(name: string): Promise<Uint8Array | undefined>;
  /** Whose names begin with the prefix, by name. */
  list(prefix: string): Promise<readonly StoredArtefact[]>;
  /** Nothing happens when there is none. */
  remove(name: string): Promise<void>;
}

const SEGMENT = /^[A-Za-z0-9_][A-Za-z0-9._+-]{0,99}$/;

/**
 * Names are segments of plain letters with slashes between them; none begins with a dot, so none can leave its folder or hide in it.
 */
export function isArtefactName(name: string): boolean {
  const segments = name.split('/');
  return segments.length <= 6 && segments.every((segment) => SEGMENT.test(segment));
}

/** Throws InputError `artefact-name`. */
export function assertArtefactName(name: string): void {
  if (isArtefactName(name)) return;
  const message = `${JSON.stringify(name)}: is no name of an artefact; use up to six parts of letters, digits and ._+- with / between them, none beginning with a dot`;
  throw new InputError('artefact-name', message);
}
