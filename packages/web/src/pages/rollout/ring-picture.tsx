import type { RingFigures, Rollout } from '@resplice/protocol/console';
import { countText, Meter, percentText } from '../../ui/meter.js';
import type { Tone } from '../../ui/pill.js';

const PARTS: readonly (readonly [keyof RingFigures, string, Tone])[] = [
  ['good', 'good', 'good'],
  ['watching', 'watched', 'info'],
  ['bad', 'bad', 'bad'],
  ['refused', 'refused', 'warn'],
  ['pending', 'waiting', 'quiet'],
];

/** The rings in a row, from the first machines to everybody; those that are open are marked, and full as far as they have come. */
export function RingPicture({ rollout }: { readonly rollout: Rollout }) {
  const { rings, ring: open, state } = rollout;
  return (
    <ol class="rings">
      {rings.map(({ name, groups, percent, figures }, index) => {
        const isOpen = index <= open;
        const now = index === open && (state === 'rolling' || state === 'halted');
        return (
          <li
            key={name}
            class={`ring ${isOpen ? 'open' : ''} ${now ? state : ''}`}
            aria-current={now ? 'step' : undefined}
          >
            <span class="ring-name">
              <strong>{name}</strong>
              <span class="muted">{whoText(groups, percent)}</span>
            </span>
            <span class="ring-count">{isOpen ? percentText(figures.good, figures.machines) : 'closed'}</span>
            <Meter
              label={name}
              parts={PARTS.map(([key, title, tone]) => ({ name: title, count: figures[key], tone }))}
            />
            <span class="row-of muted">
              <span>{countText(figures.machines)} machines</span>
              {PARTS.filter(([key]) => figures[key] > 0 && isOpen).map(([key, title, tone]) => (
                <span key={key} class="plot-key">
                  <span class={`dot ${tone}`} />
                  {countText(figures[key])} {title}
                </span>
              ))}
              {figures.silent > 0 && <span>{countText(figures.silent)} silent</span>}
            </span>
          </li>
        );
      })}
    </ol>
  );
}

export function whoText(groups: readonly string[], percent: number): string {
  const all = percent >= 100 ? ['everybody'] : percent > 0 ? [`${percent} % of all`] : [];
  return [...groups.map((group) => `group ${group}`), ...all].join(' and ');
}
