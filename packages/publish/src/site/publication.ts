// From what is published, the drafts and a wish to the files of the next state, in the order in which they are written. A pure
// function of what it is given, so each state in between can be looked at by a test as a client would.
//
// The order: targets, then metadata from the leaves up, then the timestamp, which alone makes the rest visible, then a new
// root. Files of consistent snapshots have names of their own, so nothing that clients use is ever written over but
// timestamp.json. A publication that is killed is repeated whole by the next one. So that clients are served in the moment
// between timestamp and root, everything is signed with the keys of the present root as well, as far as they are at hand.

import { InputError, TrustError } from '@resplice/report';
import { hashContent } from '@resplice/update';
import {
  Metadata,
  MetaFile,
  type Root,
  Snapshot,
  type TargetFile,
  type Targets,
  Timestamp,
} from '@tufjs/models';
import { encodeMetadata } from '../key/tuf-key.js';
import type { SiteState } from './documents.js';
import { type Families, planFamilies } from './family-plan.js';
import { expiryAfter, SPEC_VERSION } from './role-keys.js';
import { type PublicationRequest, signFor } from './role-signing.js';
import { findMissing } from './signature-need.js';

export interface PlannedFile {
  /** Relative to `public/`. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface Publication {
  readonly files: readonly PlannedFile[];
  readonly added: readonly string[];
  readonly withdrawn: readonly string[];
  /** What the operator should know, one sentence each. */
  readonly notes: readonly string[];
}

/** Throws InputError, TrustError `draft-not-signed`, EnvironmentError `signing-key-missing`. */
export async function planPublication(request: PublicationRequest): Promise<Publication> {
  const { state, now, validity } = request;
  const notes: string[] = [];
  const root = chooseRoot(state, notes);
  const targets = chooseTargets(state, root, notes);
  const metadataFiles: PlannedFile[] = [];
  const meta = new Map<string, MetaFile>();
  const keep = (role: string, metadata: Metadata<Targets>, bytes: Uint8Array): void => {
    meta.set(`${role}.json`, describeFile(metadata.signed.version, bytes));
  };
  const publish = (role: string, metadata: Metadata<Targets> | Metadata<Snapshot>): Uint8Array => {
    const bytes = encodeMetadata(metadata);
    metadataFiles.push({ path: `metadata/${metadata.signed.version}.${role}.json`, bytes });
    return bytes;
  };

  const { families, withdrawn } = await planFamilies(request, targets, notes);
  for (const [role, family] of families) {
    const bytes = state.published.bytes.get(role);
    if (bytes !== undefined && family === state.published.families.get(role)) keep(role, family, bytes);
    else keep(role, family, publish(role, family));
  }
  const oldTargets = state.published.bytes.get('targets');
  if (oldTargets !== undefined && targets === state.published.targets) keep('targets', targets, oldTargets);
  else keep('targets', targets, publish('targets', targets));

  const snapshot = await planSnapshot(request, root, meta);
  const isOld = snapshot === state.published.snapshot;
  const snapshotBytes = isOld ? state.published.bytes.get('snapshot') : publish('snapshot', snapshot);
  const timestamp = new Metadata(
    new Timestamp({
      specVersion: SPEC_VERSION,
      version: (state.published.timestamp?.signed.version ?? 0) + 1,
      expires: expiryAfter(now, validity.timestamp),
      snapshotMeta: describeFile(snapshot.signed.version, snapshotBytes ?? new Uint8Array()),
    }),
  );
  await signFor(request, 'timestamp', timestamp, root);
  const rootFiles =
    root === state.published.root
      ? []
      : [{ path: `metadata/${root.signed.version}.root.json`, bytes: encodeMetadata(root) }];
  return {
    files: [
      ...request.added.flatMap(({ target, bytes, deltas = [] }) => [
        ...deltas.map((delta) => ({ ...delta, path: `targets/${delta.path}` })),
        { path: `targets/${fileOf(target)}`, bytes },
      ]),
      ...metadataFiles,
      { path: 'metadata/timestamp.json', bytes: encodeMetadata(timestamp) },
      ...rootFiles,
    ],
    added: request.added.map(({ target }) => target.path),
    withdrawn,
    notes: [...notes, ...warnExpiry(root, targets, families, now)],
  };
}

/** The draft when it has all its signatures, else what is published. */
function chooseRoot({ published, drafts }: SiteState, notes: string[]): Metadata<Root> {
  const { root: draft } = drafts;
  if (draft === undefined) {
    if (published.root !== undefined) return published.root;
    const message =
      'this folder has no repository yet; begin with "resplice keys make root --count 3 --threshold 2"';
    throw new InputError('no-repository', message);
  }
  const asking = published.root === undefined ? [draft] : [published.root, draft];
  const missing = asking.flatMap((root) => findMissing(root, 'root', draft) ?? []);
  if (missing.length === 0) return draft;
  const lack = missing
    .map(({ by, needed, present }) => `${present} of ${needed} that ${by} asks for`)
    .join(', ');
  const message = `draft/root.json has ${lack}; sign it with "resplice keys sign" where the keys are`;
  if (published.root === undefined) throw new TrustError('draft-not-signed', message);
  notes.push(`${message}; it was not published`);
  return published.root;
}

function chooseTargets(
  { published, drafts }: SiteState,
  root: Metadata<Root>,
  notes: string[],
): Metadata<Targets> {
  const { targets: draft } = drafts;
  if (draft !== undefined && findMissing(root, 'targets', draft) === undefined) return draft;
  const usable = published.targets;
  const message = 'draft/targets.json lacks signatures; sign it with "resplice keys sign" where the keys are';
  if (usable === undefined) {
    const absent =
      'there is no kernel family yet; run "resplice keys make linux-6.1" (or another), then "resplice keys sign"';
    throw new TrustError('draft-not-signed', draft === undefined ? absent : message);
  }
  if (findMissing(root, 'targets', usable) !== undefined) {
    const found = `targets.json is not signed by the keys that root ${root.signed.version} names`;
    throw new TrustError('draft-not-signed', `${found}; run "resplice keys sign --renew" where they are`);
  }
  if (draft !== undefined) notes.push(`${message}; it was not published`);
  return usable;
}

async function planSnapshot(
  request: PublicationRequest,
  root: Metadata<Root>,
  meta: ReadonlyMap<string, MetaFile>,
): Promise<Metadata<Snapshot>> {
  const { state, now, validity } = request;
  const old = state.published.snapshot;
  const next = new Snapshot({
    specVersion: SPEC_VERSION,
    version: (old?.signed.version ?? 0) + 1,
    expires: expiryAfter(now, validity.snapshot),
    meta: Object.fromEntries([...meta].sort(([left], [right]) => (left < right ? -1 : 1))),
  });
  if (old !== undefined && findMissing(root, 'snapshot', old) === undefined) {
    const same = JSON.stringify(next.toJSON().meta) === JSON.stringify(old.signed.toJSON().meta);
    const left = Date.parse(old.signed.expires) - now.getTime();
    if (same && left > (validity.snapshot * 86_400_000) / 2) return old;
  }
  const metadata = new Metadata(next);
  await signFor(request, 'snapshot', metadata, root);
  return metadata;
}

function warnExpiry(
  root: Metadata<Root>,
  targets: Metadata<Targets>,
  families: Families,
  now: Date,
): readonly string[] {
  const advice = (role: string): string =>
    role === 'root' || role === 'targets'
      ? 'run "resplice keys sign --renew" where its keys are'
      : 'run "resplice publish" where its keys are';
  return [['root', root] as const, ['targets', targets] as const, ...families].flatMap(
    ([role, { signed }]) => {
      const days = (Date.parse(signed.expires) - now.getTime()) / 86_400_000;
      return days > 30 ? [] : [`${role} expires at ${signed.expires}; ${advice(role)}`];
    },
  );
}

function describeFile(version: number, bytes: Uint8Array): MetaFile {
  return new MetaFile({ version, length: bytes.length, hashes: { sha256: hashContent(bytes) } });
}

/** Where a target lies below `targets/`. */
export function fileOf({ path, hashes }: TargetFile): string {
  const at = path.lastIndexOf('/') + 1;
  return `${path.slice(0, at)}${hashes.sha256}.${path.slice(at)}`;
}
