// File names in a patch come from whoever wrote the patch and become paths in the kernel tree, so they are cleaned here,
// once: git's C-style quotes are undone, time stamps cut off, and a path that could leave the tree is refused.

import { type PatchLines, readableText } from './patch-line.js';

const ESCAPES = new Map<string, string>([
  ['a', '\x07'],
  ['b', '\b'],
  ['t', '\t'],
  ['n', '\n'],
  ['v', '\v'],
  ['f', '\f'],
  ['r', '\r'],
  ['"', '"'],
  ['\\', '\\'],
]);

/** A name behind `---`, `+++`, `rename from`, …, with a time stamp behind a tab if there is one. */
export interface HeaderName {
  /** As written, without quotes; null for /dev/null. */
  readonly path: string | null;
  /** The time stamp is the epoch, which is how diff -N says "no such file". */
  readonly absent: boolean;
}

/** Reads one name from a header line; the line number of `lines` is used for errors. */
export function parseHeaderName(raw: string, lines: PatchLines): HeaderName {
  const quoted = raw.startsWith('"') ? findQuotedEnd(raw) : undefined;
  if (raw.startsWith('"') && quoted === undefined) {
    throw lines.error('patch-malformed', `the quoted file name ${raw} does not end; expected a closing "`);
  }
  const tab = raw.indexOf('\t');
  const end = quoted ?? (tab === -1 ? raw.length : tab);
  const stamp = raw.slice(end).trim();
  const name = quoted === undefined ? raw.slice(0, end).trimEnd() : unquote(raw.slice(1, end - 1));
  const path = readableText(name);
  if (path === '') throw lines.error('patch-malformed', 'a file name is missing; expected "--- a/path"');
  if (path === '/dev/null') return { path: null, absent: true };
  assertInsideTree(path, lines);
  return { path: dropEmptyParts(path), absent: /^(1970-01-01|1969-12-31) /.test(stamp) };
}

/** The two names of `diff --git`, needed only when no other line tells them (an empty file, a mode change). */
export function parseGitNames(rest: string, lines: PatchLines): readonly [string, string] {
  const first = rest.startsWith('"') ? findQuotedEnd(rest) : undefined;
  const split = first ?? findEqualSplit(rest);
  if (split === undefined || rest[split] !== ' ') {
    throw lines.error('patch-malformed', `cannot tell the two file names in "diff --git ${rest}" apart`);
  }
  const before = parseHeaderName(rest.slice(0, split), lines).path;
  const after = parseHeaderName(rest.slice(split + 1), lines).path;
  if (before === null || after === null) {
    throw lines.error('patch-malformed', 'expected "diff --git a/path b/path", not /dev/null');
  }
  return [before, after];
}

/** `./net//core/sock.c` and `net/core/sock.c` are the same file. */
function dropEmptyParts(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  return parts.join('/');
}

/** The path without its first part, or undefined when it has only one. */
export function stripFirstPart(path: string): string | undefined {
  const slash = path.indexOf('/');
  return slash === -1 ? undefined : path.slice(slash + 1);
}

function assertInsideTree(path: string, lines: PatchLines): void {
  const reason = path.startsWith('/')
    ? 'is absolute'
    : path.split('/').includes('..')
      ? 'climbs out of the tree with ..'
      : path.includes('\0')
        ? 'contains a zero byte'
        : /^[./]*$/.test(path) || path.endsWith('/')
          ? 'names a directory'
          : undefined;
  if (reason === undefined) return;
  throw lines.error(
    'patch-path-unsafe',
    `the file name ${JSON.stringify(path)} ${reason}; expected a path inside the kernel tree, like a/net/core/sock.c`,
  );
}

/** Where the quoted name at the start ends, behind its closing quote. */
function findQuotedEnd(raw: string): number | undefined {
  const match = /^"(?:[^"\\]|\\.)*"/.exec(raw);
  return match?.[0].length;
}

function unquote(inside: string): string {
  return inside.replace(/\\([0-7]{1,3}|.)/g, (_, code: string) =>
    /^[0-7]/.test(code) ? String.fromCharCode(Number.parseInt(code, 8) & 0xff) : (ESCAPES.get(code) ?? code),
  );
}

/** Names may contain spaces; git repeats the same name in this line, so the middle is where both halves agree. */
function findEqualSplit(rest: string): number | undefined {
  for (let at = rest.indexOf(' '); at !== -1; at = rest.indexOf(' ', at + 1)) {
    const before = rest.slice(0, at);
    const after = rest.slice(at + 1);
    if (before === after || stripFirstPart(before) === stripFirstPart(after)) return at;
  }
  const only = rest.indexOf(' ');
  return only !== -1 && only === rest.lastIndexOf(' ') ? only : undefined;
}
