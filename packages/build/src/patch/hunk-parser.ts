// The hunks of one file. The counts in `@@ -a,b +c,d @@` are held exactly: a patch cut off by a mailer or edited by hand
// without mending its counts is refused here, with the line, instead of being applied in part.

import { type PatchLines, stripLineEnd } from './patch-line.js';
import type { Hunk, HunkLine } from './patch-model.js';

const HEADER = /^@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@ ?(.*)$/;

/** Reads hunks while there are any. `crlf`: the whole patch was converted to CRLF, so its lines lose the CR. */
export function parseHunks(lines: PatchLines, crlf: boolean): Hunk[] {
  const hunks: Hunk[] = [];
  while (lines.text().startsWith('@@')) {
    const hunk = parseHunk(lines, crlf);
    const previous = hunks.at(-1);
    if (previous !== undefined && hunk.oldStart < previous.oldStart + previous.oldCount) {
      throw lines.error('patch-malformed', 'this hunk begins inside the one before it', hunk.line);
    }
    hunks.push(hunk);
  }
  return hunks;
}

function parseHunk(lines: PatchLines, crlf: boolean): Hunk {
  const { oldStart, oldCount, newStart, newCount, section } = parseHeader(lines);
  const line = lines.number;
  lines.skip();
  const body: HunkLine[] = [];
  const left = { old: oldCount, new: newCount };
  const ended = { old: false, new: false };
  while (left.old > 0 || left.new > 0 || lines.text().startsWith('\\')) {
    if (lines.text().startsWith('\\')) {
      endWithoutNewline(lines, body, ended);
      continue;
    }
    const next = parseLine(lines, crlf, left);
    if ((next.kind !== '+' && ended.old) || (next.kind !== '-' && ended.new)) {
      throw lines.error('patch-malformed', 'a line follows "\\ No newline at end of file"');
    }
    left.old -= next.kind === '+' ? 0 : 1;
    left.new -= next.kind === '-' ? 0 : 1;
    if (left.old < 0 || left.new < 0) {
      throw lines.error('patch-malformed', `this hunk has more "${next.kind}" lines than its header says`);
    }
    body.push(next);
    lines.skip();
  }
  assertHunkEnds(lines);
  return { oldStart, oldCount, newStart, newCount, section, lines: body, line };
}

function parseHeader(lines: PatchLines): Omit<Hunk, 'lines' | 'line'> {
  const text = lines.text();
  if (text.startsWith('@@@')) {
    throw lines.error(
      'patch-combined',
      'this is a combined diff of a merge; expected a diff against one parent',
    );
  }
  const match = HEADER.exec(text);
  if (match === null) {
    throw lines.error('patch-malformed', `expected "@@ -line,count +line,count @@", got "${text}"`);
  }
  const [oldStart, newStart] = [Number(match[1]), Number(match[3])];
  const [oldCount, newCount] = [Number(match[2] ?? '1'), Number(match[4] ?? '1')];
  if (oldCount === 0 && newCount === 0) throw lines.error('patch-malformed', 'this hunk is empty');
  if ((oldStart === 0 && oldCount > 0) || (newStart === 0 && newCount > 0)) {
    throw lines.error('patch-malformed', 'lines are numbered from 1; line 0 is only for an empty side');
  }
  if (oldCount === 0 && oldStart > 0) {
    throw lines.error(
      'patch-malformed',
      'this hunk has no context to find its place by; make the patch with diff -u (3 lines of context)',
    );
  }
  return { oldStart, oldCount, newStart, newCount, section: match[5] ?? '' };
}

function parseLine(lines: PatchLines, crlf: boolean, left: { old: number; new: number }): HunkLine {
  const raw = lines.peek();
  if (raw === undefined) {
    throw lines.error(
      'patch-malformed',
      `the patch ends inside a hunk; expected ${left.old} more old and ${left.new} more new lines`,
    );
  }
  const kind = raw[0];
  // The newline of the patch's last line may be missing; "\ No newline" is the only way to say the file's is.
  const text = raw.slice(1).replace(crlf ? /\r?\n$|\r?$/ : /\n?$/, '\n');
  if (kind === ' ' || kind === '-' || kind === '+') return { kind, text };
  // Editors and mailers strip the blank of an empty context line; diff itself never starts a line otherwise.
  if (stripLineEnd(raw) === '') return { kind: ' ', text: crlf ? '\n' : raw.replace(/\n?$/, '\n') };
  throw lines.error(
    'patch-malformed',
    `expected a hunk line beginning with " ", "+" or "-" (${left.old} old and ${left.new} new still to come), got "${stripLineEnd(raw)}"`,
  );
}

function endWithoutNewline(lines: PatchLines, body: HunkLine[], ended: { old: boolean; new: boolean }): void {
  const last = body.pop();
  if (last === undefined || !last.text.endsWith('\n')) {
    throw lines.error('patch-malformed', '"\\ No newline at end of file" does not follow a line');
  }
  ended.old ||= last.kind !== '+';
  ended.new ||= last.kind !== '-';
  body.push({ kind: last.kind, text: last.text.slice(0, -1) });
  lines.skip();
}

function assertHunkEnds(lines: PatchLines): void {
  const text = lines.text();
  const nextFile = text.startsWith('--- ') && lines.text(1).startsWith('+++ ');
  const signature = text === '--' || text === '-- ';
  if (!/^[ +-]/.test(text) || nextFile || signature) return;
  throw lines.error('patch-malformed', 'this line is one more than the header of its hunk says');
}
