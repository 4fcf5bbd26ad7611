// A function or variable that leaves one object and appears in another. Each comparison sees one object, so to the one it is removed
// and to the other new: an update would bring a second variable with a state of its own, and a second function that the
// rest of the kernel, which knows the first one, never calls. Functions and data that nothing else knows may move: all who use them move along.

import type { Reason } from '@resplice/report';
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
}

/** Small, so that the comparison itself can be forgotten. */
export function listMigrants({ name, pre, correlation, selection }: ObjectDiff): Migration {
  const removed = pre.object.definitions.filter((each) => !correlation.pairs.has(each));
  return {
    object: name,
    removed: removed.flatMap(describeMigrant),
    added: selection.added.flatMap(describeMigrant),
  };
}

/** Reasons against what moved between objects of one kernel object. */
export function findMoved(migrations: readonly Migration[]): readonly Reason[] {
  const from = new Map<string, string>();
  for (const { object, removed } of migrations) for (const { key } of removed) from.set(key, object);
  return migrations.flatMap(({ object, added }) =>
    added.flatMap(({ key, name, section }): readonly Reason[] => {
      const origin = from.get(key);
      if (origin === undefined || origin === object) return [];
      const found = `the running kernel has it as part of ${origin}, and goes on using that one`;
      return [{ code: 'moved-definition', subject: { object, section, symbol: name }, found }];
    }),
  );
}

function describeMigrant(definition: Definition): readonly Migrant[] {
  const { name, kind, size, section, sectionClass, binding } = definition;
  const isLocal = binding === 'local';
  if (kind === 'string' || definition.symbols.length === 0 || /^(init|exit)-/.test(sectionClass)) return [];
  // Constants and code have no state, and what nothing else knows is used by what moved along.
  if (isLocal && (kind !== 'data' || isForgettable(name) || isCopyable(name, size))) return [];
  const key = isLocal ? `local ${baseName(name)} ${size}` : `global ${name}`;
  return [{ key, name, section: section.name }];
}
