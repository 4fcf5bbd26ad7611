// The next metadata of each kernel family: what is added and withdrawn, and what has to be signed again because its keys changed
// or its date comes near. A family that stays is the same object as before.

import { InputError } from '@resplice/report';
import { LIMITS, makeTargets } from '@resplice/update/repository';
import { Metadata, type TargetFile, type Targets } from '@tufjs/models';
import { encodeMetadata } from '../key/tuf-key.js';
import { expiryAfter, SPEC_VERSION } from './role-keys.js';
import { type AddedUpdate, canSign, type PublicationRequest, signFor } from './role-signing.js';
import { findMissing } from './signature-need.js';

export type Families = ReadonlyMap<string, Metadata<Targets>>;

/** Throws InputError (`no-such-family`, `not-published`, `update-already-published`, `family-too-large`), and as signFor does. */
export async function planFamilies(
  request: PublicationRequest,
  targets: Metadata<Targets>,
  notes: string[],
): Promise<{ readonly families: Families; readonly withdrawn: readonly string[] }> {
  const { state, added, now, validity } = request;
  const delegated = Object.keys(targets.signed.delegations?.roles ?? {});
  const lost = added.find(({ family }) => !delegated.includes(family));
  if (lost !== undefined) {
    const message = `${lost.target.path}: there are no keys for ${lost.family} yet; run "resplice keys make ${lost.family}", then "resplice keys sign"`;
    throw new InputError('no-such-family', message);
  }
  const before = new Map(delegated.map((name) => [name, state.published.families.get(name)]));
  const withdrawn = findWithdrawn(request.withdrawn, before);
  const families = new Map<string, Metadata<Targets>>();
  for (const [name, old] of before) {
    const entries = changeTargets(name, old, added, withdrawn);
    const fresh = old !== undefined && findMissing(targets, name, old) === undefined;
    if (old !== undefined && fresh && entries === undefined) {
      const left = Date.parse(old.signed.expires) - now.getTime();
      if (left > (validity.family * 86_400_000) / 2 || !(await canSign(request, targets, name))) {
        families.set(name, old);
        continue;
      }
    }
    const list = entries ?? Object.entries(old?.signed.targets ?? {});
    const next = new Metadata(
      makeTargets({
        _type: 'targets',
        spec_version: SPEC_VERSION,
        version: (old?.signed.version ?? 0) + 1,
        expires: expiryAfter(now, validity.family),
        targets: Object.fromEntries(list.map(([path, target]) => [path, target.toJSON()])),
      }),
    );
    await signFor(request, name, next, targets);
    assertSize(name, next);
    families.set(name, next);
  }
  const gone = [...state.published.families.keys()].filter((name) => !delegated.includes(name));
  for (const name of gone) notes.push(`${name} is no longer delegated to; its updates are withdrawn`);
  return { families, withdrawn };
}

/** Clients read no more. */
function assertSize(family: string, metadata: Metadata<Targets>): void {
  const { length } = encodeMetadata(metadata);
  if (length <= LIMITS.targets) return;
  const message = `${family} would have ${length} bytes of metadata, and clients read at most ${LIMITS.targets}; withdraw updates of kernels that nobody runs any more`;
  throw new InputError('family-too-large', message, { context: { family, length } });
}

/** The targets of a family after the change; undefined when they stay. */
function changeTargets(
  family: string,
  old: Metadata<Targets> | undefined,
  added: readonly AddedUpdate[],
  withdrawn: readonly string[],
): [string, TargetFile][] | undefined {
  const targets = new Map(
    Object.entries(old?.signed.targets ?? {}).filter(([path]) => !withdrawn.includes(path)),
  );
  let changed = targets.size !== Object.keys(old?.signed.targets ?? {}).length;
  for (const { target } of added.filter((each) => each.family === family)) {
    const present = targets.get(target.path);
    if (present?.hashes.sha256 === target.hashes.sha256) continue;
    if (present !== undefined) {
      const message = `${target.path}: is published with other contents, and an id stands for one content; withdraw it first, or create the update under another id`;
      throw new InputError('update-already-published', message);
    }
    targets.set(target.path, target);
    changed = true;
  }
  return changed ? [...targets].sort(([left], [right]) => (left < right ? -1 : 1)) : undefined;
}

function findWithdrawn(
  names: readonly string[],
  families: ReadonlyMap<string, Metadata<Targets> | undefined>,
): readonly string[] {
  const paths = [...families.values()].flatMap((family) => Object.keys(family?.signed.targets ?? {}));
  return names.flatMap((name) => {
    const found = paths.filter((path) => path === name || path.endsWith(`/${name}.splice`));
    if (found.length > 0) return found;
    const message = `${JSON.stringify(name)}: no such update is published; "resplice publish --list" shows those that are`;
    throw new InputError('not-published', message);
  });
}
