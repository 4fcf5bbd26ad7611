// A unified diff as what is looked at: files, hunks, lines with their numbers. Unknown lines are kept as context, so nothing is hidden.

export interface DiffLine {
  readonly kind: 'same' | 'added' | 'removed' | 'note';
  readonly before: number | undefined;
  readonly after: number | undefined;
  readonly text: string;
}

export interface DiffHunk {
  readonly title: string;
  readonly lines: readonly DiffLine[];
}

export interface DiffFile {
  readonly path: string;
  readonly added: number;
  readonly removed: number;
  readonly hunks: readonly DiffHunk[];
}

const HUNK = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@ ?(.*)$/;

export function parseDiff(text: string): readonly DiffFile[] {
  const files: { path: string; hunks: { title: string; lines: DiffLine[] }[] }[] = [];
  let before = 0;
  let after = 0;
  for (const line of text.split('\n')) {
    const header = /^(?:---|\+\+\+) (?:[ab]\/)?([^\t]+)/.exec(line);
    const hunk = HUNK.exec(line);
    const file = files.at(-1);
    if (line.startsWith('--- ') && header !== null) files.push({ path: header[1] ?? '', hunks: [] });
    else if (line.startsWith('+++ ') && header !== null && file !== undefined && file.hunks.length === 0) {
      if (header[1] !== '/dev/null') file.path = header[1] ?? file.path;
    } else if (hunk !== null && file !== undefined) {
      before = Number(hunk[1]);
      after = Number(hunk[2]);
      file.hunks.push({ title: hunk[3] ?? '', lines: [] });
    } else {
      const lines = file?.hunks.at(-1)?.lines;
      if (lines === undefined) continue;
      const rest = line.slice(1);
      if (line.startsWith('+')) lines.push({ kind: 'added', before: undefined, after: after++, text: rest });
      else if (line.startsWith('-'))
        lines.push({ kind: 'removed', before: before++, after: undefined, text: rest });
      else if (line.startsWith(' '))
        lines.push({ kind: 'same', before: before++, after: after++, text: rest });
      else if (line.startsWith('\\'))
        lines.push({ kind: 'note', before: undefined, after: undefined, text: line });
    }
  }
  return files.map(({ path, hunks }) => {
    const lines = hunks.flatMap((hunk) => hunk.lines);
    const count = (kind: DiffLine['kind']): number => lines.filter((line) => line.kind === kind).length;
    return { path, hunks, added: count('added'), removed: count('removed') };
  });
}
