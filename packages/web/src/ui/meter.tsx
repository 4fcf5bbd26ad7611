// Parts of a whole as one bar, with the numbers in words for those who do not see it.

import type { Tone } from './pill.js';

export interface Part {
  readonly name: string;
  readonly count: number;
  readonly tone: Tone;
}

export function Meter({ label, parts }: { readonly label: string; readonly parts: readonly Part[] }) {
  const total = parts.reduce((sum, { count }) => sum + count, 0);
  const words = parts.filter(({ count }) => count > 0).map(({ name, count }) => `${count} ${name}`);
  const text = `${label}: ${words.join(', ') || 'none'}`;
  let x = 0;
  return (
    <svg class="meter" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label={text}>
      <title>{text}</title>
      <rect class="fill quiet" width="100" height="6" />
      {total > 0 &&
        parts.map(({ name, count, tone }) => {
          const width = (count / total) * 100;
          x += width;
          return <rect key={name} class={`fill ${tone}`} x={x - width} width={width} height="6" />;
        })}
    </svg>
  );
}

/** Below 0.1 % and above 99.9 % are no round figures. */
export function percentText(part: number, whole: number): string {
  if (whole === 0) return '–';
  const value = (part / whole) * 100;
  if (value > 0 && value < 0.1) return '< 0.1 %';
  if (value < 100 && value > 99.9) return '> 99.9 %';
  return `${value >= 10 || value === 0 ? Math.round(value) : value.toFixed(1)} %`;
}

const format = new Intl.NumberFormat('en');

export function countText(count: number): string {
  return format.format(count);
}
