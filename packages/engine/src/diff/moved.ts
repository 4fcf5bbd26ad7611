// A function or variable that leaves one object and appears in another. Each comparison sees one object, so to the one it is removed
// and to the other new: an update would bring a second variable with a state of its own, and a second function that the
// rest of the kernel, which knows the first one, never calls. A function that moves as it is may be there twice; functions and data that nothing else knows may move: all who use them move along.

import type { Reason } from '@resplice/report';
import { hashCode } from './code-hash.js';
import type { Side } from './compare.js';
import type { Definition } from './definition.js';
import type { ObjectDiff } from './object-diff.js';
import { baseName, isCopyable, isForgettable } from './symbol-name.js';

/** What a comparison says about definitions that may have moved. */
export interface Migration {
  readonly object: string;
  readonly removed: readonly Migrant[];
  readonly added: readonly Migrant[];
}

interface Migrant {
  /** Equal for definitions that may be the same one. */
  readonly key: string;
  readonly name: string;
  readonly section: string;
  /** Of a function: one that is the same there as here may be had twice. */
  readonly code: string | undefined;
}

/** Small, so that the comparison itself can be forgotten. */
export function listMigrants({ name, pre, post, correlation, selection }: ObjectDiff): Migration {
  const removed = pre.object.definitions.filter((each) => !correlation.pairs.has(each));
  return {
    object: name,
    removed: removed.flatMap((each) => describeMigrant(pre, each)),
    added: selection.added.flatMap((each) => describeMigrant(post, each)),
  };
}

/** Reasons against what moved between objects of one kernel object. */
export function findMoved(migrations: readonly Migration[]): readonly Reason[] {
  const from = new Map<string, Migrant & { readonly object: string }>();
  for (const { object, removed } of migrations)
    for (const migrant of removed) from.set(migrant.key, { ...migrant, object });
  return migrations.flatMap(({ object, added }) =>
    added.flatMap(({ key, name, section, code }): readonly Reason[] => {
      const origin = from.get(key);
      if (origin === undefined || origin.object === object) return [];
      if (code !== undefined && code === origin.code) return [];
      const found = `the running kernel has it as part of ${origin.object}, and goes on using that one`;
      return [{ code: 'moved-definition', subject: { object, section, symbol: name }, found }];
    }),
  );
}

function describeMigrant(side: Side, definition: Definition): readonly Migrant[] {
  const { name, kind, size, section, sectionClass, binding } = definition;
  const isLocal = binding === 'local';
  if (kind === 'string' || definition.symbols.length === 0 || /^(init|exit)-/.test(sectionClass)) return [];
  // Constants and code have no state, and what nothing else knows is used by what moved along.
  if (isLocal && (kind !== 'data' || isForgettable(name) || isCopyable(name, size))) return [];
  const key = isLocal ? `local ${baseName(name)} ${size}` : `global ${name}`;
  const code = kind === 'function' ? hashCode(side, definition) : undefined;
  return [{ key, name, section: section.name, code }];
}
