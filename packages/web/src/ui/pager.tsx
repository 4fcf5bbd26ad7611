// Lists that the server hands out a page at a time: an answer names the key of the next page, and the way back is where one came from.

import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { setParams, useAddress } from '../router.js';

export interface Pages {
  /** Key of the page that is shown, as the address has it; null for the first. */
  readonly after: string | null;
  /** Pages that were turned to reach this one. */
  readonly turned: number;
  readonly back: () => void;
  readonly on: (next: string) => void;
}

/** @param filterText what the list is narrowed to: with another one it begins anew */
export function usePages(filterText: string): Pages {
  const after = useAddress().params.get('after');
  const [trail, setTrail] = useState<readonly string[]>([]);
  useEffect(() => setTrail([]), [filterText]);
  return {
    after,
    turned: trail.length,
    back: () => {
      setParams({ after: trail.at(-2) ?? null });
      setTrail(trail.slice(0, -1));
    },
    on: (next) => {
      setParams({ after: next });
      setTrail([...trail, next]);
    },
  };
}

/** `children`: how much there is. */
export function Pager({
  pages,
  next,
  children,
}: {
  readonly pages: Pages;
  readonly next: string | null;
  readonly children: ComponentChildren;
}) {
  return (
    <nav class="pager" aria-label="Pages of the list">
      <span aria-live="polite">{children}</span>
      <span class="row-of">
        <button type="button" class="small" disabled={pages.after === null} onClick={pages.back}>
          Previous
        </button>
        <button
          type="button"
          class="small"
          disabled={next === null}
          onClick={() => next !== null && pages.on(next)}
        >
          Next
        </button>
      </span>
    </nav>
  );
}
