// Debian's kernel changelog: for each version, the upstream subjects it brought, many with a CVE number behind them.
//   linux (6.1.176-1) bookworm; urgency=medium
//
//     * New upstream stable update:
//       - tcp: restrict SO_ATTACH_FILTER to priv users (CVE-2026-53236)
//
//    -- Name <address>  date
// Source: Debian Policy 4.4.

import { readFile } from 'node:fs/promises';
import { InputError } from '@resplice/report';

export interface ChangelogItem {
  /** Subject, with the CVE note removed. */
  readonly subject: string;
  readonly cves: readonly string[];
}

export interface ChangelogEntry {
  readonly version: string;
  readonly items: readonly ChangelogItem[];
}

/** Entries in the order of the file: newest first. */
export function parseChangelog(text: string): readonly ChangelogEntry[] {
  const entries: { version: string; lines: string[] }[] = [];
  for (const line of text.split('\n')) {
    const version = /^[a-z0-9][a-z0-9+.-]+ \(([^)\s]+)\)/.exec(line)?.[1];
    if (version !== undefined) {
      entries.push({ version, lines: [] });
      continue;
    }
    // Empty lines, the signature, and the names of those who wrote the items below: `  [ Name ]`.
    if (line.trim() === '' || line.startsWith(' -- ') || /^ +\[ .* \]$/.test(line)) continue;
    const entry = entries.at(-1);
    if (entry === undefined)
      throw new InputError('bad-changelog', `not a Debian changelog: it begins with "${line.slice(0, 80)}"`);
    addLine(entry.lines, line);
  }
  return entries.map((entry) => ({ version: entry.version, items: entry.lines.map(parseItem) }));
}

export async function readChangelog(file: string): Promise<readonly ChangelogEntry[]> {
  return parseChangelog(await readFile(file, 'utf8'));
}

/** A line that does not start an item continues the one before. */
function addLine(lines: string[], line: string): void {
  const trimmed = line.trim();
  const item = /^[*+-] (.*)$/.exec(trimmed)?.[1];
  const last = lines.length - 1;
  if (item !== undefined || last < 0) lines.push(item ?? trimmed);
  else lines[last] = `${lines[last]} ${trimmed}`;
}

function parseItem(line: string): ChangelogItem {
  const cves = [...new Set(line.match(/\bCVE-\d{4}-\d{4,}\b/g) ?? [])];
  const subject = line.replace(/\s*\((?:[^()]*\b)?CVE-[^()]*\)/g, '').trim();
  return { subject, cves };
}
