import { countText } from './meter.js';
import type { Tone } from './pill.js';

export interface TileProps {
  readonly name: string;
  readonly count: number;
  readonly tone: Tone;
  readonly note?: string;
  /** Shows the things that are counted. */
  readonly href?: string;
  readonly current?: boolean;
}

export function Tile({ name, count, tone, note, href, current = false }: TileProps) {
  const content = (
    <>
      <span class="tile-name">
        <span class={`dot ${count > 0 ? tone : 'quiet'}`} />
        {name}
      </span>
      <span class="tile-count">{countText(count)}</span>
      {note !== undefined && <span class="tile-note">{note}</span>}
    </>
  );
  if (href === undefined) return <div class="tile">{content}</div>;
  return (
    <a class="tile" href={href} aria-current={current ? 'true' : undefined}>
      {content}
    </a>
  );
}
