// Times: short to read, exact to point at.

import { useEffect, useState } from 'preact/hooks';

const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });

export function sinceText(at: string, now = Date.now()): string {
  const seconds = (new Date(at).getTime() - now) / 1000;
  for (const [unit, length] of UNITS)
    if (Math.abs(seconds) >= length) return relative.format(Math.round(seconds / length), unit);
  return 'just now';
}

export function exactText(at: string): string {
  return new Date(at)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC');
}

export function Since({ at }: { readonly at: string | null }) {
  const [, redraw] = useState(0);
  useEffect(() => {
    const timer = window.setInterval(() => redraw((count) => count + 1), 60_000);
    return () => window.clearInterval(timer);
  }, []);
  if (at === null) return <span class="muted">never</span>;
  return (
    <time dateTime={at} title={exactText(at)}>
      {sinceText(at)}
    </time>
  );
}

const PARTS = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const;

export function durationText(seconds: number): string {
  const index = PARTS.findIndex(([, length]) => seconds >= length);
  const part = PARTS[index];
  if (part === undefined) return '0 s';
  const [name, length] = part;
  const next = PARTS[index + 1];
  const rest = next === undefined ? 0 : Math.floor((seconds % length) / next[1]);
  return `${Math.floor(seconds / length)} ${name}${rest > 0 && next !== undefined ? ` ${rest} ${next[0]}` : ''}`;
}
