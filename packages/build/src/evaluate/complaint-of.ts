// What a result says about a unit that has to be joined with another one.

import { type Complaint, parseComplaint } from '../split/complaint.js';
import type { UnitResult } from './evaluation.js';

const COMPILER = new Set(['does-not-compile', 'does-not-preprocess', 'source-missing']);
const PATCH = new Set([
  'patch-does-not-apply',
  'patch-is-ambiguous',
  'patch-file-missing',
  'patch-file-exists',
]);

/** Undefined for a unit that stands alone, whatever else is said of it. */
export function complaintOf({
  reasons,
  files,
}: Pick<UnitResult, 'reasons' | 'files'>): Complaint | undefined {
  const [first] = reasons;
  if (first === undefined) return undefined;
  if (COMPILER.has(first.code)) return parseComplaint(first.found);
  if (PATCH.has(first.code)) return { names: [], words: new Set(), files };
  // The declaration is there, the definition is in a source that another unit changes.
  const symbols = reasons.filter(({ code }) => code === 'unresolved-symbol');
  if (symbols.length === 0) return undefined;
  const names = symbols.flatMap(({ subject }) => {
    const name = /(\w+)$/.exec(subject)?.[1];
    return name === undefined ? [] : [{ kind: 'name' as const, name }];
  });
  return { names, words: new Set(), files: [] };
}

export function isCompilerError({ reasons }: Pick<UnitResult, 'reasons'>): boolean {
  return COMPILER.has(reasons[0]?.code ?? '');
}
