// An update as bytes and back. docs/update-format.md describes the format.
//
// The rule that makes reading simple and strict: one update has exactly one encoding. The parser finds the parts, checks
// what needs its own words in an error, and at the end encodes what it found and compares: any byte that differs (a
// header field, padding, the order, a space in the JSON, something appended) is refused. So there is no second opinion
// about what an archive means, and nothing can hide in it.

import { InputError, InternalError, TrustError } from '@resplice/report';
import { z } from 'zod';
import { encodeCanonicalJson } from './canonical-json.js';
import { type Entry, encodeContainer, parseContainer } from './container.js';
import { FORMAT_VERSION, Manifest } from './manifest.js';
import { findContradiction, hashContent, listPayload } from './payload.js';

/** Largest update that is written or read, in bytes; it bounds the memory of everything that reads one. */
export const MAX_UPDATE_SIZE = 64 * 1024 * 1024;

const ENVELOPE = 'resplice.json';
const MANIFEST = 'manifest.json';

/** The first entry. Small and stable, so that every reader can tell a newer format, and a later one can sign it. */
const Envelope = z.strictObject({
  format: z.literal(FORMAT_VERSION),
  manifest: z.string().regex(/^[0-9a-f]{64}$/),
});

export interface Update {
  readonly manifest: Manifest;
  /** Contents by path, exactly those that the manifest lists. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Bytes of the archive; equal updates give equal bytes. Throws InternalError when manifest and files do not agree. */
export function encodeUpdate(update: Update): Uint8Array {
  const manifest = Manifest.safeParse(update.manifest);
  const problem = manifest.success
    ? (findContradiction(manifest.data) ?? findPayloadProblem(update)?.message)
    : z.prettifyError(manifest.error);
  if (problem !== undefined)
    throw new InternalError('update-inconsistent', `cannot write the update: ${problem}`);
  const bytes = Buffer.concat([...encodeContainer(listEntries(update))]);
  if (bytes.length > MAX_UPDATE_SIZE) throw tooLarge('the update', bytes.length);
  return bytes;
}

/**
 * The update in `bytes`; file contents are views of them. `name` stands in the text of errors.
 * Throws InputError (`not-an-update`, `update-too-large`, `update-format-newer`) or TrustError (`update-truncated`,
 * `update-altered`, `update-unsafe-path`, `update-unlisted-file`, `update-missing-file`, `update-manifest-invalid`).
 */
export function parseUpdate(bytes: Uint8Array, name: string): Update {
  if (bytes.length > MAX_UPDATE_SIZE) throw tooLarge(name, bytes.length);
  assertMagic(bytes, name);
  const [envelope, manifestEntry, ...payload] = parseContainer(bytes, name);
  const manifestHash = parseEnvelope(envelope, name);
  const manifest = parseManifest(manifestEntry, manifestHash, name);
  const update = { manifest, files: new Map(payload.map(({ path, content }) => [path, content])) };
  const problem = findPayloadProblem(update);
  if (problem !== undefined)
    throw new TrustError(problem.code, `${name}: ${problem.message}`, { context: { file: name } });
  assertOnlyEncoding(bytes, listEntries(update), name);
  return update;
}

function listEntries({ manifest, files }: Update): readonly Entry[] {
  const manifestBytes = encodeCanonicalJson(manifest);
  const envelope = { format: FORMAT_VERSION, manifest: hashContent(manifestBytes) };
  const payload = [...files].map(([path, content]) => ({ path, content }));
  return [
    { path: ENVELOPE, content: encodeCanonicalJson(envelope) },
    { path: MANIFEST, content: manifestBytes },
    ...payload.sort((left, right) => (left.path < right.path ? -1 : 1)),
  ];
}

/** Tells a damaged update from a file that never was one: a patch, a .ko, a compressed archive. */
function assertMagic(bytes: Uint8Array, name: string): void {
  const start = Buffer.from(bytes.subarray(0, ENVELOPE.length)).toString('latin1');
  if (start === ENVELOPE) return;
  if (ENVELOPE.startsWith(start) && bytes.length > 0) {
    throw new TrustError(
      'update-truncated',
      `${name}: is cut off after ${bytes.length} bytes; get the update again`,
    );
  }
  throw new InputError(
    'not-an-update',
    `${name}: is not an update (it does not begin with ${ENVELOPE}); expected a .splice file made by "resplice create"`,
    { context: { file: name } },
  );
}

/** The manifest's hash. The version is looked at before anything else, so that a newer format may change all the rest. */
function parseEnvelope(entry: Entry | undefined, name: string): string {
  const json = entry?.path === ENVELOPE ? parseJson(entry.content) : undefined;
  const version = z.object({ format: z.number().int() }).safeParse(json);
  if (version.success && version.data.format > FORMAT_VERSION) {
    throw new InputError(
      'update-format-newer',
      `${name}: has format ${version.data.format}, and this resplice reads up to ${FORMAT_VERSION}; update resplice`,
      { context: { file: name, format: version.data.format, supported: FORMAT_VERSION } },
    );
  }
  const envelope = Envelope.safeParse(json);
  if (!envelope.success) throw altered(name, `${ENVELOPE} is malformed`);
  return envelope.data.manifest;
}

function parseManifest(entry: Entry | undefined, expected: string, name: string): Manifest {
  if (entry?.path !== MANIFEST) throw altered(name, `the second file is not ${MANIFEST}`);
  const found = hashContent(entry.content);
  if (found !== expected) {
    throw altered(
      name,
      `${MANIFEST} does not have the hash that ${ENVELOPE} names: expected ${expected}, got ${found}`,
    );
  }
  const manifest = Manifest.safeParse(parseJson(entry.content));
  const problem = manifest.success ? findContradiction(manifest.data) : z.prettifyError(manifest.error);
  if (manifest.success && problem === undefined) return manifest.data;
  throw new TrustError(
    'update-manifest-invalid',
    `${name}: ${MANIFEST} is not valid, although its hash is right: ${problem ?? ''}; do not use this file`,
    { context: { file: name } },
  );
}

function findPayloadProblem({ manifest, files }: Update): { code: string; message: string } | undefined {
  const listed = listPayload(manifest);
  for (const [path, content] of files) {
    const expected = listed.get(path);
    if (expected === undefined) {
      return {
        code: 'update-unlisted-file',
        message: `holds ${path}, which the manifest does not list; do not use it`,
      };
    }
    const found = hashContent(content);
    if (found !== expected) {
      const message = `${path} was altered: expected sha256 ${expected}, got ${found}; get the update again`;
      return { code: 'update-altered', message };
    }
  }
  const missing = [...listed.keys()].find((path) => !files.has(path));
  if (missing === undefined) return undefined;
  return {
    code: 'update-missing-file',
    message: `lacks ${missing}, which the manifest lists; get the update again`,
  };
}

function assertOnlyEncoding(bytes: Uint8Array, entries: readonly Entry[], name: string): void {
  let offset = 0;
  for (const piece of encodeContainer(entries)) {
    const found = bytes.subarray(offset, offset + piece.length);
    if (found.length < piece.length) {
      const message = `${name}: is cut off after ${bytes.length} bytes; get the update again`;
      throw new TrustError('update-truncated', message, { context: { file: name } });
    }
    if (Buffer.compare(found, piece) !== 0) {
      throw altered(
        name,
        `the bytes between 0x${offset.toString(16)} and 0x${(offset + piece.length).toString(16)} differ`,
      );
    }
    offset += piece.length;
  }
  if (offset !== bytes.length) throw altered(name, `${bytes.length - offset} bytes follow its end`);
}

function parseJson(content: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(content).toString('utf8'));
  } catch {
    // Not JSON: the caller's schema refuses undefined with its own words.
    return undefined;
  }
}

function altered(name: string, found: string): TrustError {
  return new TrustError('update-altered', `${name}: was altered or damaged: ${found}; get the update again`, {
    context: { file: name },
  });
}

/** Also used before reading, when only the size is known. */
export function tooLarge(name: string, size: number): InputError {
  return new InputError(
    'update-too-large',
    `${name}: has ${size} bytes, and an update has at most ${MAX_UPDATE_SIZE}; check that it is the right file`,
    { context: { file: name, size, limit: MAX_UPDATE_SIZE } },
  );
}
