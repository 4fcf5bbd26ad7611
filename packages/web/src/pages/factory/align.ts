// The instructions of a function before and after, side by side: equal ones on one row. Instructions that only name another place in the code
// are the same for finding rows, and are shown as such. A longest common subsequence; of functions too long for one, row stands beside row.

import type { CodeLine } from '@resplice/protocol/factory';

export interface AlignedRow {
  readonly before: CodeLine | undefined;
  readonly after: CodeLine | undefined;
  /** `moved`: the same but for an address. */
  readonly kind: 'same' | 'moved' | 'changed';
}

export interface Fold {
  readonly folded: readonly AlignedRow[];
}

/** Cells of the table of lengths. */
const LARGEST = 6_000_000;
/** Equal rows that are shown around a difference, and how many more are worth folding. */
const CONTEXT = 4;

interface Reading {
  /** Without the name of what a relocation refers to. */
  readonly plain: string;
  /** With every number left out. */
  readonly shape: string;
  /** Of a call or jump out of the function, as far as it is told. */
  readonly callee: string | undefined;
  /** Its number says where something is: a relocation fills it in, or it is the target of a branch. */
  readonly isPlace: boolean;
}

const NUMBER = /-?(?:0x[0-9a-f]+|\b\d+\b)/gi;

function readLine({ text }: CodeLine): Reading {
  const [code = '', target] = text.split(/\s+# /);
  const plain = code.trim().replace(/\s+/g, ' ');
  const isBranch = /^(?:call|j[a-z]+) -?(?:0x[0-9a-f]+|\d+)$/i.test(plain);
  const callee = isBranch && target !== undefined && !target.includes('+0x') ? target : undefined;
  return { plain, shape: plain.replace(NUMBER, '@'), callee, isPlace: target !== undefined || isBranch };
}

/**
 * Whether both do the same, wherever things are: the shipped code has addresses where the new code has relocations. Any other number counts:
 * `0x10(%rdi)` and `0x18(%rdi)` are different members of a structure.
 */
function isSame(before: Reading | undefined, after: Reading | undefined): boolean {
  if (before === undefined || after === undefined) return false;
  // The same instruction that calls something else is a difference, and often the one that counts.
  if (before.callee !== undefined && after.callee !== undefined && before.callee !== after.callee)
    return false;
  return before.plain === after.plain || (after.isPlace && before.shape === after.shape);
}

/** Where the first difference is to be marked: what the comparison of objects found, or else the first row that differs; -1 without one. */
export function findFirst(
  rows: readonly AlignedRow[],
  found: { readonly before: number; readonly after: number } | null,
): number {
  const exact = rows.findIndex(
    ({ before, after, kind }) =>
      kind !== 'same' && found !== null && (before?.offset === found.before || after?.offset === found.after),
  );
  return exact >= 0 ? exact : rows.findIndex(({ kind }) => kind === 'changed');
}

export function alignCode(before: readonly CodeLine[], after: readonly CodeLine[]): readonly AlignedRow[] {
  const a = before.map(readLine);
  const b = after.map(readLine);
  if ((a.length + 1) * (b.length + 1) > LARGEST) return besideEachOther(before, after);
  const width = b.length + 1;
  const lengths = new Uint16Array((a.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1)
    for (let j = b.length - 1; j >= 0; j -= 1)
      lengths[i * width + j] = isSame(a[i], b[j])
        ? at(i + 1, j + 1) + 1
        : Math.max(at(i + 1, j), at(i, j + 1));
  const rows: AlignedRow[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const [left, right] = [before[i], after[j]];
    if (left !== undefined && right !== undefined && isSame(a[i], b[j])) {
      rows.push({ before: left, after: right, kind: left.text === right.text ? 'same' : 'moved' });
      i += 1;
      j += 1;
    } else if (right === undefined || (left !== undefined && at(i + 1, j) >= at(i, j + 1))) {
      rows.push({ before: left, after: undefined, kind: 'changed' });
      i += 1;
    } else {
      rows.push({ before: undefined, after: right, kind: 'changed' });
      j += 1;
    }
  }
  return pairChanges(rows);
}

/** What was removed stands beside what came in its place. */
function pairChanges(rows: readonly AlignedRow[]): readonly AlignedRow[] {
  const result: AlignedRow[] = [];
  let removed: CodeLine[] = [];
  let added: CodeLine[] = [];
  const flush = (): void => {
    for (let index = 0; index < Math.max(removed.length, added.length); index += 1)
      result.push({ before: removed[index], after: added[index], kind: 'changed' });
    removed = [];
    added = [];
  };
  for (const row of rows) {
    if (row.kind === 'changed') {
      if (row.before !== undefined) removed.push(row.before);
      if (row.after !== undefined) added.push(row.after);
    } else {
      flush();
      result.push(row);
    }
  }
  flush();
  return result;
}

function besideEachOther(before: readonly CodeLine[], after: readonly CodeLine[]): readonly AlignedRow[] {
  return Array.from({ length: Math.max(before.length, after.length) }, (_, index) => {
    const [left, right] = [before[index], after[index]];
    return { before: left, after: right, kind: left?.text === right?.text ? 'same' : 'changed' };
  });
}

/** Long runs of equal rows as one that can be opened. */
export function foldRows(rows: readonly AlignedRow[], first: number): readonly (AlignedRow | Fold)[] {
  const near = new Set<number>();
  for (const [index, { kind }] of rows.entries())
    if (kind === 'changed' || index === first)
      for (let by = -CONTEXT; by <= CONTEXT; by += 1) near.add(index + by);
  const result: (AlignedRow | Fold)[] = [];
  let run: AlignedRow[] = [];
  const flush = (): void => {
    if (run.length > CONTEXT) result.push({ folded: run });
    else result.push(...run);
    run = [];
  };
  for (const [index, row] of rows.entries()) {
    if (!near.has(index)) run.push(row);
    else {
      flush();
      result.push(row);
    }
  }
  flush();
  return result;
}
