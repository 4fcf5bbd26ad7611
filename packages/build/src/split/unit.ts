// A unit of a release: what can be taken alone. Units are made from atoms that belong together, and joined when a compiler shows that
// they do not stand alone.

import type { Atom } from './atom.js';
import type { Confidence, SubjectTie } from './changelog-tie.js';
import { encodeUnitPatch, nameUnit } from './unit-patch.js';

export interface CveTie {
  readonly cve: string;
  readonly subject: string;
  readonly confidence: Confidence;
  readonly why: string;
}

export interface ReleaseUnit {
  /** Stable and readable: `net-core-sock-3f2a91`. */
  readonly id: string;
  readonly files: readonly string[];
  /** A unified diff that applies alone to the older source. */
  readonly patch: Uint8Array;
  readonly subjects: readonly {
    readonly subject: string;
    readonly confidence: Confidence;
    readonly why: string;
  }[];
  readonly cves: readonly CveTie[];
  /** Ids of the units, as names alone make them, that a compiler showed to be one; empty when it is one of these itself. */
  readonly joined: readonly string[];
}

/** A unit with what it is made of. */
export interface DraftUnit {
  readonly unit: ReleaseUnit;
  readonly atoms: readonly Atom[];
  readonly subjects: readonly SubjectTie[];
}

export function makeUnit(atoms: readonly Atom[], subjects: readonly SubjectTie[]): DraftUnit {
  return buildUnit(atoms, subjects, []);
}

/** Several units as one, with all their subjects. */
export function joinUnits(parts: readonly DraftUnit[]): DraftUnit {
  const best = new Map<string, SubjectTie>();
  for (const tie of parts.flatMap(({ subjects }) => subjects)) {
    const known = best.get(tie.subject);
    if (known === undefined || RANKS[tie.confidence] > RANKS[known.confidence]) best.set(tie.subject, tie);
  }
  const ids = parts.flatMap(({ unit }) => (unit.joined.length === 0 ? [unit.id] : unit.joined));
  return buildUnit(
    parts.flatMap(({ atoms }) => atoms),
    [...best.values()],
    ids.sort(),
  );
}

const RANKS: Readonly<Record<Confidence, number>> = { certain: 2, likely: 1, possible: 0 };

function buildUnit(
  atoms: readonly Atom[],
  subjects: readonly SubjectTie[],
  joined: readonly string[],
): DraftUnit {
  const patch = encodeUnitPatch(atoms);
  const unit = {
    id: nameUnit(atoms, patch),
    files: [...new Set(atoms.map(({ path }) => path))].sort(),
    patch,
    subjects: subjects.map(({ subject, confidence, why }) => ({ subject, confidence, why })),
    cves: subjects.flatMap(({ cves, subject, confidence, why }) =>
      cves.map((cve) => ({ cve, subject, confidence, why })),
    ),
    joined,
  };
  return { unit, atoms, subjects };
}
