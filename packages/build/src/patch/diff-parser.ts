// From the text of a patch to the files and hunks it changes. Our own parser, because what is needed of a patch here is
// more than applying it: which line of the new file was which line of the old one (line-resync.ts), and an answer with
// file and line when something is wrong. Everything that is not text of a regular file is refused, not skipped:
// an update built from half a patch would be worse than none.

import { InputError } from '@resplice/report';
import { parseHunks } from './hunk-parser.js';
import { parseMessage, splitMails } from './mail.js';
import { PatchLines, readableText } from './patch-line.js';
import type { PatchedFile, PatchFile } from './patch-model.js';
import { type HeaderName, parseGitNames, parseHeaderName } from './patch-path.js';

/** What git's extended header says; the paths of renames and copies have no prefix. */
interface GitHeader {
  readonly names: readonly [string, string];
  created: boolean;
  deleted: boolean;
  moved: 'rename' | 'copy' | undefined;
  from: string | undefined;
  to: string | undefined;
}

/**
 * Reads one patch: a unified diff or one mail of `git format-patch`. A string is taken as UTF-8.
 * @throws InputError `name:line: what is wrong; expected …`, also when there is no diff in it.
 */
export function parsePatch(input: string | Uint8Array, name: string): PatchFile {
  return parsePiece(decodeBytes(input), name);
}

/** Like parsePatch, for a file that may hold several mails (`git format-patch --stdout`): one patch for each. */
export function parsePatches(input: string | Uint8Array, name: string): PatchFile[] {
  const pieces = splitMails(decodeBytes(input));
  return pieces.map((piece, index) => parsePiece(piece, pieces.length === 1 ? name : `${name}#${index + 1}`));
}

function decodeBytes(input: string | Uint8Array): string {
  return Buffer.from(input).toString('latin1');
}

function parsePiece(bytes: string, name: string): PatchFile {
  const lines = new PatchLines(bytes, name);
  const files: PatchedFile[] = [];
  const head: string[] = [];
  while (!lines.atEnd) {
    const file = parseFile(lines);
    if (file !== undefined) {
      files.push(file);
      continue;
    }
    if (files.length === 0) head.push(lines.peek() ?? '');
    lines.skip();
  }
  const message = parseMessage(readableText(head.join('')), name);
  if (files.length === 0) {
    throw new InputError(
      'patch-empty',
      `${name}: no change found; expected a unified diff ("--- a/file", "+++ b/file", "@@ …")`,
      { context: { patch: name } },
    );
  }
  return { name, ...message, text: readableText(bytes), bytes: Buffer.from(bytes, 'latin1'), files };
}

/** The file that begins at the current line, or undefined when this line is only text around the diff. */
function parseFile(lines: PatchLines): PatchedFile | undefined {
  const text = lines.text();
  if (text.startsWith('diff --git ')) return parseGitFile(lines);
  if (text.startsWith('--- ') && lines.text(1).startsWith('+++ ')) return parsePlainFile(lines);
  assertSupported(lines, text);
  return undefined;
}

function assertSupported(lines: PatchLines, text: string): void {
  if (/^diff --(cc|combined) /.test(text)) {
    throw lines.error(
      'patch-combined',
      'this is a combined diff of a merge; expected a diff against one parent',
    );
  }
  if (text.startsWith('*** ') && lines.text(1).startsWith('--- ') && lines.text(2).startsWith('*****')) {
    throw lines.error('patch-malformed', 'this is a context diff; make the patch with diff -u');
  }
  if (/^@@ -\d/.test(text)) {
    throw lines.error(
      'patch-malformed',
      'a hunk without a file; expected "--- a/file" and "+++ b/file" first',
    );
  }
  if (/^(Binary files .+ differ|GIT binary patch)$/.test(text)) throw binaryFile(lines);
  if (/^Only in [^:]+: \S+$/.test(text)) {
    throw lines.error(
      'patch-incomplete',
      `the diff leaves a file out ("${text}"); make it with diff -N, which shows new and deleted files`,
    );
  }
}

function parsePlainFile(lines: PatchLines): PatchedFile {
  const line = lines.number;
  const { before, after, crlf } = parseNames(lines);
  const hunks = parseHunks(lines, crlf);
  if (hunks.length === 0)
    throw lines.error('patch-malformed', 'expected "@@ -line,count +line,count @@" here');
  const [first] = hunks;
  const emptyBefore = hunks.length === 1 && first?.oldCount === 0;
  const emptyAfter = hunks.length === 1 && first?.newCount === 0;
  const created = before.path === null || (before.absent && emptyBefore);
  const deleted = after.path === null || (after.absent && emptyAfter);
  return describeFile({ before: before.path, after: after.path, created, deleted }, hunks, lines, line);
}

function parseNames(lines: PatchLines): { before: HeaderName; after: HeaderName; crlf: boolean } {
  const crlf = (lines.peek() ?? '').endsWith('\r\n');
  const before = parseHeaderName(lines.text().slice('--- '.length), lines);
  lines.skip();
  const after = parseHeaderName(lines.text().slice('+++ '.length), lines);
  lines.skip();
  if (before.path === null && after.path === null) {
    throw lines.error('patch-malformed', 'both sides are /dev/null; expected a file name on one of them');
  }
  return { before, after, crlf };
}

function parseGitFile(lines: PatchLines): PatchedFile {
  const line = lines.number;
  const names = parseGitNames(lines.text().slice('diff --git '.length), lines);
  lines.skip();
  const header: GitHeader = {
    names,
    created: false,
    deleted: false,
    moved: undefined,
    from: undefined,
    to: undefined,
  };
  while (parseExtended(lines, header)) lines.skip();
  const isText = lines.text().startsWith('--- ') && lines.text(1).startsWith('+++ ');
  const shown = isText ? parseNames(lines) : undefined;
  const hunks = shown === undefined ? [] : parseHunks(lines, shown.crlf);
  if (shown !== undefined && hunks.length === 0) {
    throw lines.error('patch-malformed', 'expected "@@ -line,count +line,count @@" here');
  }
  const { created, deleted, moved, from, to } = header;
  if (moved !== undefined) {
    if (from === undefined || to === undefined) {
      throw lines.error('patch-malformed', `expected both "${moved} from" and "${moved} to"`, line);
    }
    return { kind: moved, oldPath: from, newPath: to, prefixKnown: true, hunks, line };
  }
  const [before, after] = shown === undefined ? names : [shown.before.path, shown.after.path];
  return describeFile({ before, after, created, deleted }, hunks, lines, line);
}

/** Takes one extended header line into `header`; false when the line is none. */
function parseExtended(lines: PatchLines, header: GitHeader): boolean {
  const text = lines.text();
  if (/^(GIT binary patch|Binary files .+ differ)$/.test(text)) throw binaryFile(lines);
  const mode = /^(?:old mode|new mode|new file mode|deleted file mode|index \S+) (\d{6})$/.exec(text);
  if (mode !== null && !mode[1]?.startsWith('100')) {
    throw lines.error(
      'patch-unsupported-file',
      'the patch changes a symbolic link or a submodule; only regular files can be changed',
    );
  }
  const moved = /^(rename|copy) (from|to) (.+)$/.exec(text);
  if (moved !== null) {
    const path = parseHeaderName(moved[3] ?? '', lines).path ?? undefined;
    header.moved = moved[1] === 'rename' ? 'rename' : 'copy';
    if (moved[2] === 'from') header.from = path;
    else header.to = path;
    return true;
  }
  header.created ||= text.startsWith('new file mode ');
  header.deleted ||= text.startsWith('deleted file mode ');
  return /^(index |old mode |new mode |new file mode |deleted file mode |similarity index |dissimilarity index )/.test(
    text,
  );
}

function binaryFile(lines: PatchLines): InputError {
  return lines.error(
    'patch-binary',
    'the patch changes a binary file; only source text can become an update, leave that file out',
  );
}

interface Sides {
  readonly before: string | null;
  readonly after: string | null;
  readonly created: boolean;
  readonly deleted: boolean;
}

function describeFile(
  sides: Sides,
  hunks: PatchedFile['hunks'],
  lines: PatchLines,
  line: number,
): PatchedFile {
  const { before, after } = sides;
  const created = sides.created || before === null;
  const deleted = sides.deleted || after === null;
  if (created && deleted) throw lines.error('patch-malformed', 'a file is both created and deleted', line);
  if (created && hunks.some((hunk) => hunk.oldCount > 0)) {
    throw lines.error('patch-malformed', 'the patch creates this file but expects lines in it', line);
  }
  if (deleted && hunks.some((hunk) => hunk.newCount > 0)) {
    throw lines.error('patch-malformed', 'the patch deletes this file but leaves lines in it', line);
  }
  const prefixKnown =
    (before === null || before.startsWith('a/')) && (after === null || after.startsWith('b/'));
  const strip = (path: string | null) => (path !== null && prefixKnown ? path.slice(2) : path);
  return {
    kind: created ? 'create' : deleted ? 'delete' : 'modify',
    oldPath: created ? null : strip(before),
    newPath: deleted ? null : strip(after),
    prefixKnown,
    hunks,
    line,
  };
}
