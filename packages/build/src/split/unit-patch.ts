// A part of a difference as a patch that applies alone: the hunks' old line numbers stay, the new ones are counted anew.

import { createHash } from 'node:crypto';
import type { Atom } from './atom.js';
import { groupBy } from './group-by.js';

/** The patch of a unit, files in order of path. */
export function encodeUnitPatch(atoms: readonly Atom[]): Uint8Array {
  const files = groupBy(atoms, ({ path }) => path);
  const parts = [...files].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, group]) => encodeFile(group));
  return Buffer.from(parts.join(''), 'latin1');
}

/** `net-core-sock-3f2a91`: where the unit begins, and what it is. */
export function nameUnit(atoms: readonly Atom[], patch: Uint8Array): string {
  const [first = ''] = atoms.map(({ path }) => path).toSorted(byImportance);
  const place = first
    .replace(/^(?:drivers|include|arch\/x86)\//, '')
    .replace(/\.\w+$/, '')
    .replace(/[^A-Za-z0-9]+/g, '-')
    .toLowerCase()
    .slice(0, 48);
  return `${place}-${createHash('sha256').update(patch).digest('hex').slice(0, 6)}`;
}

/** Source before header before anything else. */
function byImportance(a: string, b: string): number {
  const rank = (path: string) => (path.endsWith('.c') ? 0 : path.endsWith('.h') ? 1 : 2);
  return rank(a) - rank(b) || (a < b ? -1 : 1);
}

function encodeFile(atoms: readonly Atom[]): string {
  const [first] = atoms;
  if (first === undefined) return '';
  const { oldPath, newPath } = first.file;
  const hunks = atoms.flatMap((atom) => atom.hunks).toSorted((a, b) => a.oldStart - b.oldStart);
  const lines = [
    `--- ${oldPath === null ? '/dev/null' : `a/${oldPath}`}\n`,
    `+++ ${newPath === null ? '/dev/null' : `b/${newPath}`}\n`,
  ];
  let shift = 0;
  for (const hunk of hunks) {
    const start = hunk.oldStart + shift + emptySide(hunk.newCount) - emptySide(hunk.oldCount);
    lines.push(
      `@@ -${hunk.oldStart},${hunk.oldCount} +${start},${hunk.newCount} @@${hunk.section === '' ? '' : ` ${hunk.section.trim()}`}\n`,
    );
    for (const { kind, text } of hunk.lines) {
      lines.push(`${kind}${text}`);
      if (!text.endsWith('\n')) lines.push('\n\\ No newline at end of file\n');
    }
    shift += hunk.newCount - hunk.oldCount;
  }
  return lines.join('');
}

/** The start of an empty side is the line before it. */
function emptySide(count: number): number {
  return count === 0 ? -1 : 0;
}
