// A type that gains or loses members, with the layout that existing objects have: new members in bytes that those leave unused, lost ones still in
// their place. It is the patch that a person would write, written here and kept in the update beside the one it corrects. Nothing is taken for granted: the result is compiled, compared and judged like any patch.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  crossesBound,
  findTypeUses,
  hasOrderedValues,
  listRangeBounds,
  moveMembers,
  restoreMembers,
  type SourceText,
  stripComments,
} from '@resplice/engine';
import { runCommand } from '../debian/command.js';
import { parsePatch } from '../patch/diff-parser.js';
import type { PatchFile } from '../patch/patch-model.js';
import { sourceText } from '../patch/source-text.js';
import type { PatchedSources } from './sources.js';
import type { TypeFinding } from './type-finding.js';

/** A patch to be applied on top, or undefined when that would not make every type fit. */
export async function placeNewMembers(
  sources: PatchedSources,
  findings: readonly TypeFinding[],
  texts: readonly SourceText[],
  addsState: boolean,
): Promise<PatchFile | undefined> {
  const refused = findings.filter(({ verdict }) => !verdict.safe);
  // Under their own names, and whatever they mention.
  const patched = [...sources].flatMap(([path, { after }]) =>
    after === null ? [] : [{ path, text: sourceText(after) }],
  );
  const moved = new Map<string, string>();
  const types: string[] = [];
  for (const finding of refused) {
    // Holds another one that grows, and will not any more.
    if (finding.change?.members.every(({ change }) => change === 'moved') === true) continue;
    const { type, file, change } = finding;
    const after = sources.get(file)?.after ?? undefined;
    const text = moved.get(file) ?? (after === undefined ? undefined : sourceText(after));
    if (
      change?.places === undefined ||
      text === undefined ||
      !isMovable(finding, text, [...texts, ...patched])
    )
      return undefined;
    const { added, kept } = change.places;
    // What a lost member holds may be looked for in what the patch adds.
    if (kept.length > 0 && addsState) return undefined;
    const restored = restoreMembers(sourceText(sources.get(file)?.before), text, type, kept);
    const result = restored === undefined ? undefined : moveMembers(restored, type, added);
    if (result === undefined) return undefined;
    moved.set(file, result);
    types.push(type);
  }
  if (types.length === 0) return undefined;
  const parts = [];
  for (const [file, text] of moved)
    parts.push(await writeDifference(file, sourceText(sources.get(file)?.after), text));
  const head = `Subject: [PATCH] ${types.join(', ')} with the layout that existing objects have

Written by resplice create: new members lie where objects that exist have
unused bytes, and members that go keep their place, so that nothing else moves.
---
`;
  return parsePatch(Buffer.from(head + parts.join(''), 'latin1'), 'place-new-members');
}

/** The kernel's own objects only: nothing whose order of members somebody else knows. */
function isMovable(
  { type, file, change, uses, internal }: TypeFinding,
  text: string,
  texts: readonly SourceText[],
): boolean {
  if (!internal || file.includes('uapi/')) return false;
  const spelled = type.replace(' ', '\\s+');
  const body = new RegExp(`\\b${spelled}\\b[^;{}()=]*\\{[\\s\\S]*?\\n\\}[^;]*;`).exec(text)?.[0] ?? '';
  if (body === '' || /packed|struct_group|randomize_layout/.test(body)) return false;
  // Initialisers without names, and copies from one member to another, depend on the order.
  const holders = uses.embeddedIn.map((holder) => findTypeUses(holder, texts));
  if (holders.some(({ variables }) => variables.length > 0)) return false;
  const codes = texts.filter(({ path }) => uses.files.includes(path)).map((each) => stripComments(each.text));
  if (codes.some((code) => hasOrderedValues(code, spelled))) return false;
  const bounds = codes.flatMap((code) => listRangeBounds(code, spelled));
  return !crossesBound(body, change?.places?.added ?? [], bounds);
}

async function writeDifference(file: string, before: string, after: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'resplice-place-'));
  try {
    await writeFile(join(directory, 'a'), before, 'latin1');
    await writeFile(join(directory, 'b'), after, 'latin1');
    const { stdout } = await runCommand(
      'diff',
      ['-u', '--label', `a/${file}`, '--label', `b/${file}`, 'a', 'b'],
      {
        directory,
        statuses: [1],
        encoding: 'latin1',
      },
    );
    return stdout;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
