import { useMemo } from 'preact/hooks';
import { type DiffFile, parseDiff } from './diff.js';
import { ScrollRegion } from './scroll-region.js';

const MARKS = { same: ' ', added: '+', removed: '-', note: '' } as const;
/** More files than these begin folded. */
const OPEN = 6;

export function DiffView({ text, label }: { readonly text: string; readonly label: string }) {
  const files = useMemo(() => parseDiff(text), [text]);
  if (files.length === 0)
    return (
      <ScrollRegion kind="log" label={label}>
        {text}
      </ScrollRegion>
    );
  return (
    <div class="diffs">
      {files.map((file, index) => (
        <details key={file.path} open={index < OPEN}>
          <summary>
            <code>{file.path}</code>{' '}
            <span class="diff-count">
              <span class="plus">+{file.added}</span> <span class="minus">−{file.removed}</span>
            </span>
          </summary>
          <Hunks file={file} label={`${label}: ${file.path}`} />
        </details>
      ))}
    </div>
  );
}

function Hunks({ file, label }: { readonly file: DiffFile; readonly label: string }) {
  return (
    <ScrollRegion kind="code-scroll" label={label}>
      <div class="code">
        {file.hunks.map(({ title, lines }) => (
          <div key={`${lines[0]?.before ?? ''} ${lines[0]?.after ?? ''}`} class="hunk">
            <div class="hunk-title">{title === '' ? '…' : title}</div>
            {lines.map(({ kind, before, after, text }) => (
              <div key={`${before ?? '-'} ${after ?? '-'} ${kind}`} class={`code-line ${kind}`}>
                <span class="number">{before}</span>
                <span class="number">{after}</span>
                <span class="mark">{MARKS[kind]}</span>
                <span class="text">{text}</span>
              </div>
            ))}
          </div>
        ))}
      </div>
    </ScrollRegion>
  );
}
