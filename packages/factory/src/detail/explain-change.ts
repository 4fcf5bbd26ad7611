// Why the compiled code of a function changed: because a hunk of the patch stands in it, or because something that was compiled into it
// changed. Hunks are told by the lines that open a function, as diff has seen them and as the hunk itself shows.

import type { PatchFile } from '@resplice/build';
import type { ReplacedFunction } from '@resplice/update';

/** A patch and whether a person wrote it for this update. */
export interface PatchText {
  readonly patch: Pick<PatchFile, 'files' | 'subject' | 'name'>;
  readonly isCustom: boolean;
}

/** @param names of all functions that the update replaces */
export function explainChange(
  { name, source, firstDifference }: Pick<ReplacedFunction, 'name' | 'source' | 'firstDifference'>,
  patches: readonly PatchText[],
  names: ReadonlySet<string>,
): string {
  const plain = name.replace(/\.(?:cold|part|constprop|isra)(?:\.\d+)*.*$/, '');
  const places = patches.flatMap(({ patch, isCustom }) =>
    patch.files.flatMap(({ newPath, oldPath, hunks }) =>
      hunks.map((hunk) => ({ path: newPath ?? oldPath ?? '', hunk, isCustom })),
    ),
  );
  const inside = places.filter(({ hunk }) => mentionsDefinition(plain, hunk));
  const where = (list: typeof places) =>
    [
      ...new Set(
        list.map(
          ({ path, hunk, isCustom }) => `${path}:${hunk.newStart}${isCustom ? ' of the custom code' : ''}`,
        ),
      ),
    ]
      .slice(0, 4)
      .join(', ');
  if (inside.length > 0) return `the patch changes its source (${where(inside)})`;
  const carried = places
    .flatMap(({ hunk }) => /(\w+)\s*\(/.exec(hunk.section)?.[1] ?? [])
    .filter((each) => each !== plain && !names.has(each));
  const headers = places.filter(({ path }) => path.endsWith('.h'));
  const first = firstDifference === null ? '' : `; it differs first at ${firstDifference.before}`;
  if (carried.length > 0)
    return `it has code of ${[...new Set(carried)].slice(0, 4).join(', ')}, which the patch changes (${where(places)})${first}`;
  if (headers.length > 0 && !places.some(({ path }) => path === source))
    return `it uses what the patch changes in ${[...new Set(headers.map(({ path }) => path))].slice(0, 4).join(', ')}${first}`;
  return `it has code or data that the patch changes (${where(places)})${first}`;
}

function mentionsDefinition(
  name: string,
  hunk: PatchText['patch']['files'][number]['hunks'][number],
): boolean {
  const opens = new RegExp(`\\b${name.replace(/[^\w]/g, '\\$&')}\\s*\\(`);
  if (opens.test(hunk.section)) return true;
  // A definition begins in the first column; a call is indented.
  return hunk.lines.some(({ text }) => /^[A-Za-z_]/.test(text) && opens.test(text) && !/;\s*$/.test(text));
}
