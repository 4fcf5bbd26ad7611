// Horizontal bars as inline SVG. Positions are percentages and there is no viewBox: so text keeps its size on a narrow screen. The
// numbers that matter stand beside each label; those of the parts are titles.

import { escapeMarkup } from './markup.js';

const ROW = 40;
const BAR = 14;

export interface BarRow {
  readonly label: string;
  /** Printed after the label. */
  readonly note: string;
  readonly parts: readonly { readonly kind: string; readonly value: number }[];
}

export interface BarChart {
  /** Unique in the page. */
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly rows: readonly BarRow[];
}

/** The longest row fills the width; `kind` becomes the CSS class of a bar. */
export function renderBars({ id, title, description, rows }: BarChart): string {
  const longest = Math.max(1, ...rows.map(({ parts }) => sumOf(parts)));
  return [
    `<svg role="img" width="100%" height="${rows.length * ROW}" aria-labelledby="${id}-title ${id}-desc">`,
    `<title id="${id}-title">${escapeMarkup(title)}</title>`,
    `<desc id="${id}-desc">${escapeMarkup(description)}</desc>`,
    ...rows.map((row, index) => renderRow(row, index * ROW, longest)),
    '</svg>',
  ].join('\n');
}

function renderRow({ label, note, parts }: BarRow, top: number, longest: number): string {
  const bars: string[] = [];
  let start = 0;
  for (const { kind, value } of parts) {
    if (value <= 0) continue;
    const hint = parts.length === 1 ? '' : `<title>${value} ${kind}</title>`;
    const percent = (number: number) => `${((100 * number) / longest).toFixed(3)}%`;
    bars.push(
      `<rect class="${kind}" x="${percent(start)}" y="${top + 20}" width="${percent(value)}" height="${BAR}">${hint}</rect>`,
    );
    start += value;
  }
  const text = `<tspan class="label">${escapeMarkup(label)}</tspan> ${escapeMarkup(note)}`;
  return `<text x="0" y="${top + 14}">${text}</text>${bars.join('')}`;
}

function sumOf(parts: BarRow['parts']): number {
  return parts.reduce((sum, { value }) => sum + value, 0);
}
