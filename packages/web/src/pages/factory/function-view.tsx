// A function that is replaced: why, and its instructions before and after side by side.

import type { CodeLine, ReviewedFunction } from '@resplice/protocol/factory';
import { useMemo, useState } from 'preact/hooks';
import { ScrollRegion } from '../../ui/scroll-region.js';
import { type AlignedRow, alignCode, type Fold, findFirst, foldRows } from './align.js';

export function FunctionView({
  reviewed,
  open,
}: {
  readonly reviewed: ReviewedFunction;
  readonly open: boolean;
}) {
  const { name, object, source, why, before, after } = reviewed;
  const [shown, setShown] = useState(open);
  return (
    <details open={open} onToggle={(event) => event.currentTarget.open && setShown(true)}>
      <summary>
        <code>{name}</code>{' '}
        <span class="muted">
          in {object}, {source}: {before.length} → {after.length} instructions
        </span>
      </summary>
      <p class="why">{why}</p>
      {shown && <SideBySide reviewed={reviewed} />}
    </details>
  );
}

function SideBySide({ reviewed }: { readonly reviewed: ReviewedFunction }) {
  const { name, before, after, firstDifference } = reviewed;
  const { rows, first } = useMemo(() => {
    const aligned = alignCode(before, after);
    const index = findFirst(aligned, firstDifference);
    return { rows: foldRows(aligned, index), first: aligned[index] };
  }, [before, after, firstDifference]);
  if (before.length === 0 && after.length === 0) return <p class="muted">No instructions were kept.</p>;
  return (
    <ScrollRegion kind="code-scroll" label={`Instructions of ${name} before and after`}>
      <table class="side-by-side">
        <caption class="hidden">Instructions of {name} before and after</caption>
        <colgroup>
          <col class="offsets" />
          <col />
          <col class="offsets" />
          <col />
        </colgroup>
        <thead>
          <tr>
            <th scope="col" colSpan={2}>
              Before, as shipped
            </th>
            <th scope="col" colSpan={2}>
              After, in the update
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) =>
            'folded' in row ? (
              <Folded key={`fold ${keyOf(row.folded[0])}`} fold={row} first={first} />
            ) : (
              <Row key={keyOf(row)} row={row} first={first} />
            ),
          )}
        </tbody>
      </table>
    </ScrollRegion>
  );
}

type First = AlignedRow | undefined;

function keyOf(row: AlignedRow | undefined): string {
  return `${row?.before?.offset ?? '-'} ${row?.after?.offset ?? '-'}`;
}

function Folded({ fold, first }: { readonly fold: Fold; readonly first: First }) {
  const [open, setOpen] = useState(false);
  if (open)
    return (
      <>
        {fold.folded.map((row) => (
          <Row key={keyOf(row)} row={row} first={first} />
        ))}
      </>
    );
  return (
    <tr class="fold">
      <td colSpan={4}>
        <button type="button" class="small plain" onClick={() => setOpen(true)}>
          {fold.folded.length} equal instructions
        </button>
      </td>
    </tr>
  );
}

function Row({ row, first }: { readonly row: AlignedRow; readonly first: First }) {
  const isFirst = row === first;
  return (
    <>
      {isFirst && (
        <tr class="first-difference">
          <td colSpan={4}>First difference</td>
        </tr>
      )}
      <tr class={row.kind}>
        <Cell line={row.before} side="removed" />
        <Cell line={row.after} side="added" />
      </tr>
    </>
  );
}

function Cell({ line, side }: { readonly line: CodeLine | undefined; readonly side: 'removed' | 'added' }) {
  return (
    <>
      <td class="number">{line === undefined ? '' : `+${line.offset.toString(16)}`}</td>
      <td class={line === undefined ? 'text' : `text ${side}`}>{line?.text ?? ''}</td>
    </>
  );
}
