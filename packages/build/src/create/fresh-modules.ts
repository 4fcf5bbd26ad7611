// Which modules must not be loaded before the update is applied. What exists of a module that is loaded (objects, registered tables, what its init code
// did) was made by old code; of one that is not loaded nothing exists, and all of its code is new from its first moment on (kmod/fresh.c).

import { judgeUnloaded } from '@resplice/engine';
import type { UnloadedModule } from '@resplice/update';
import type { CompileDatabase } from '../tree/compile-database.js';
import type { ComparedObject } from './compare.js';
import type { TypeFinding } from './type-finding.js';

/**
 * A refused type becomes safe when nothing but modules has it. Code that reads a changed place is among the compared objects, wherever it is; so
 * for a type of a header all of them count, and every source that mentions the type.
 */
export function withUnloaded(
  finding: TypeFinding,
  compared: readonly ComparedObject[],
  database: CompileDatabase,
): TypeFinding {
  if (finding.verdict.safe) return finding;
  const { file, usedBy, alsoIn, uses } = finding;
  const objects = [
    ...usedBy,
    ...(file.endsWith('.c') ? [] : compared.map(({ name }) => name)),
    ...[...alsoIn, ...uses.files].flatMap((source) => database.bySource(source).map(({ object }) => object)),
  ];
  const owners = objects.map((object) => database.find(object)?.modules ?? []);
  const modules = [...new Set(owners.flat())].sort();
  if (modules.length === 0 || owners.some((names) => names.length === 0)) return finding;
  return { ...finding, verdict: judgeUnloaded(modules), unloaded: modules };
}

/** Each module with what stands against it being loaded, in the words of the refusals that this avoids. */
export function listUnloaded(
  compared: readonly ComparedObject[],
  findings: readonly TypeFinding[],
): readonly UnloadedModule[] {
  const because = new Map<string, Set<string>>();
  const add = (module: string, why: string) =>
    because.set(module, (because.get(module) ?? new Set()).add(why));
  for (const { owner, freshFor } of compared) {
    for (const { subject, found } of freshFor)
      add(owner, `${subject.symbol ?? subject.section ?? owner}: ${found}`);
  }
  for (const { type, found, unloaded } of findings)
    for (const module of unloaded) add(module, `${type}: ${found}`);
  return [...because].map(([module, why]) => ({ module, because: [...why] }));
}
