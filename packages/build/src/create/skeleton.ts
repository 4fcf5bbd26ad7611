// The custom code that a refused patch needs, as a start: a patch on top of the refused one that puts hooks and statements at the end of
// each file concerned. It compiles as it stands and does nothing wrong; `create` refuses it until its FIXMEs are seen to. A patch and not a
// piece of C, so that `create --patch FIX --patch SKELETON` is the next thing to try.

import type { Reason } from '@resplice/report';
import type { WorkOptions } from '../debian/store.js';
import { sourceText } from '../patch/source-text.js';
import { readLowerPatches } from './compare-patched.js';
import type { CreateRequest } from './create-update.js';
import { renderPart, type SourceText } from './skeleton-part.js';
import { findLocks } from './skeleton-source.js';
import { patchSources } from './sources.js';
import { openWorkshop } from './workshop.js';

/** Lines of the file that a hunk at its end shows. */
const CONTEXT = 3;

/** The skeleton for what `createUpdate` refused; undefined when no reason is of a kind that code of the author can cure. */
export async function writeSkeletonPatch(
  request: CreateRequest,
  reasons: readonly Reason[],
  options: WorkOptions = {},
): Promise<string | undefined> {
  const { tree } = await openWorkshop(request, options);
  const sources = await patchSources(tree, [...request.on.flatMap(readLowerPatches), ...request.patches]);
  const texts = new Map<string, SourceText>();
  for (const [path, { before, after }] of sources) {
    if (after !== null) texts.set(path, { before: sourceText(before), after: sourceText(after) });
  }
  return renderSkeleton(reasons, texts);
}

/** `texts`: path → the file before and after the refused patch. */
export function renderSkeleton(
  reasons: readonly Reason[],
  texts: ReadonlyMap<string, SourceText>,
): string | undefined {
  const parts = new Map<string, string[]>();
  const incurable = new Set<string>();
  for (const reason of reasons) {
    const path = findFile(reason, texts);
    const text = path === undefined ? undefined : texts.get(path);
    const part = text === undefined ? undefined : renderPart(reason, text);
    if (path === undefined || part === undefined) incurable.add(describe(reason));
    else if (parts.get(path)?.includes(part) !== true) parts.set(path, [...(parts.get(path) ?? []), part]);
  }
  if (parts.size === 0) return undefined;
  const head = [
    'The start of the code that this update needs. Complete each FIXME; docs/patch-author-guide.md explains the hooks.',
    ...[...incurable].map((line) => `No hook helps against ${line}.`),
  ];
  const files = [...parts].map(([path, list]) => renderFile(path, texts.get(path)?.after ?? '', list));
  return `${head.join('\n')}\n\n${files.join('')}`;
}

/** A source as it is named; what a header changes is dealt with in the first source of the patch. */
function findFile({ subject }: Reason, texts: ReadonlyMap<string, SourceText>): string | undefined {
  const name = subject.file ?? subject.object?.replace(/\.o$/, '.c');
  if (name?.endsWith('.c') === true && texts.has(name)) return name;
  return [...texts.keys()].find((path) => path.endsWith('.c'));
}

function describe({ code, subject }: Reason): string {
  const where = subject.object ?? subject.file;
  return `${code}${subject.symbol === undefined ? '' : `: ${subject.symbol}`}${where === undefined ? '' : ` (${where})`}`;
}

/** A hunk that adds lines at the end of the file. */
function renderFile(path: string, text: string, parts: readonly string[]): string {
  const lines = text.replace(/\n$/, '').split('\n');
  const shown = lines.slice(-CONTEXT);
  const locks = findLocks(text);
  const hint = locks.length === 0 ? '' : `\n/* Locks of this file: ${locks.join(', ')}. */\n`;
  const added = `\n#include <resplice.h>\n${hint}\n${parts.join('\n')}`.replace(/\n$/, '').split('\n');
  const start = lines.length - shown.length + 1;
  return [
    `--- a/${path}`,
    `+++ b/${path}`,
    `@@ -${start},${shown.length} +${start},${shown.length + added.length} @@`,
    ...shown.map((line) => ` ${line}`),
    ...added.map((line) => `+${line}`),
    '',
  ].join('\n');
}
