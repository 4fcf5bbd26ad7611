// New members of a type whose objects exist, put where those objects have unused bytes: the patch that a person would write, written here and
// kept in the update beside the one it corrects. Nothing is taken for granted: the result is compiled, compared and judged like any patch.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  crossesBound,
  findTypeUses,
  hasOrderedValues,
  listRangeBounds,
  moveMembers,
  type SourceText,
  stripComments,
} from '@resplice/engine';
import { runCommand } from '../debian/command.js';
import { parsePatch } from '../patch/diff-parser.js';
import type { PatchFile } from '../patch/patch-model.js';
import type { PatchedSources } from './sources.js';
import type { TypeFinding } from './type-finding.js';

/** A patch to be applied on top, or undefined when that would not make every type fit. */
export async function placeNewMembers(
  sources: PatchedSources,
  findings: readonly TypeFinding[],
  texts: readonly SourceText[],
): Promise<PatchFile | undefined> {
  const refused = findings.filter(({ verdict }) => !verdict.safe);
  const moved = new Map<string, string>();
  const types: string[] = [];
  for (const finding of refused) {
    // Holds another one that grows, and will not any more.
    if (finding.change?.members.every(({ change }) => change === 'moved') === true) continue;
    const { type, file, change } = finding;
    const text = moved.get(file) ?? latin1(sources.get(file)?.after);
    if (change?.places === undefined || text === undefined || !isMovable(finding, text, texts))
      return undefined;
    const result = moveMembers(text, type, change.places);
    if (result === undefined) return undefined;
    moved.set(file, result);
    types.push(type);
  }
  if (types.length === 0) return undefined;
  const parts = [];
  for (const [file, text] of moved)
    parts.push(await writeDifference(file, latin1(sources.get(file)?.after) ?? '', text));
  const head = `Subject: [PATCH] new members of ${types.join(', ')} in bytes that existing objects have

Written by resplice create: the members keep their meaning and lie where
objects that exist have unused bytes, so that nothing else moves.
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
  return !crossesBound(body, change?.places ?? [], bounds);
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

function latin1(bytes: Uint8Array | null | undefined): string | undefined {
  return bytes === null || bytes === undefined ? undefined : Buffer.from(bytes).toString('latin1');
}
