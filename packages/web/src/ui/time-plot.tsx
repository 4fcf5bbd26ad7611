// A plot over time: areas that add up, or lines. uPlot draws on a canvas, which screen readers do not see: the last values stand in the legend
// as text, and a table of some of the moments can be opened.

import { useEffect, useRef, useState } from 'preact/hooks';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { countText } from './meter.js';
import { exactText } from './moment.js';
import type { Tone } from './pill.js';
import { Table } from './table.js';

export interface PlotSeries {
  readonly name: string;
  readonly values: readonly number[];
  /** Of the theme; lines beyond it take the other colours in turn. */
  readonly tone: Tone | number;
}

export interface TimePlotProps {
  readonly label: string;
  /** Moments as ISO text, oldest first. */
  readonly times: readonly string[];
  readonly series: readonly PlotSeries[];
  readonly stacked: boolean;
}

const HEIGHT = 190;
/** Rows of the table that can be opened. */
const ROWS = 12;
const HUES = [220, 160, 30, 280, 340, 190, 60, 100];

/** A canvas takes no `var()` and no `light-dark()`: an element is asked what they come to. */
function colourOf(name: string, probe: HTMLElement): string {
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

function hueOf(tone: number): string {
  return `hsl(${HUES[tone % HUES.length]} 55% 52%)`;
}

const dayFormat = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const hourFormat = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

/** Hours within two days, else days. */
function tickText(seconds: number, span: number): string {
  return (span > 172_800 ? dayFormat : hourFormat).format(new Date(seconds * 1000));
}

/** Each series on top of those before it; drawn from the last to the first, so that each covers what is below it. */
function stack(series: readonly PlotSeries[]): readonly (readonly number[])[] {
  const sums: number[] = [];
  return series.map(({ values }) =>
    values.map((value, index) => {
      sums[index] = (sums[index] ?? 0) + value;
      return sums[index] ?? 0;
    }),
  );
}

export function TimePlot({ label, times, series, stacked }: TimePlotProps) {
  const box = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState<number | null>(null);
  const [theme, setTheme] = useState(0);
  useEffect(() => {
    const redraw = (): void => setTheme((count) => count + 1);
    const system = matchMedia('(prefers-color-scheme: dark)');
    window.addEventListener('themechange', redraw);
    system.addEventListener('change', redraw);
    return () => {
      window.removeEventListener('themechange', redraw);
      system.removeEventListener('change', redraw);
    };
  }, []);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const drawn = stacked ? [...stack(series)].reverse() : series.map(({ values }) => values);
    const order = stacked ? [...series].reverse() : series;
    const axis = {
      stroke: colourOf('muted', element),
      grid: { stroke: colourOf('line', element), width: 1 },
      ticks: { show: false },
      font: '12px system-ui, sans-serif',
    };
    const seconds = times.map((time) => new Date(time).getTime() / 1000);
    const span = (seconds.at(-1) ?? 0) - (seconds[0] ?? 0);
    const options: uPlot.Options = {
      width: element.clientWidth,
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: { y: { range: (_plot, _low, high) => [0, Math.max(1, high * 1.08)] } },
      axes: [
        { ...axis, size: 28, values: (_plot, ticks) => ticks.map((tick) => tickText(tick, span)) },
        {
          ...axis,
          size: 52,
          values: (_plot, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? countText(tick) : '')),
        },
      ],
      series: [
        {},
        ...order.map(({ name, tone }): uPlot.Series => {
          const colour = typeof tone === 'number' ? hueOf(tone) : colourOf(`${tone}-solid`, element);
          return {
            label: name,
            stroke: colour,
            width: stacked ? 0 : 2,
            ...(stacked ? { fill: colour } : {}),
            points: { show: times.length === 1 },
          };
        }),
      ],
      hooks: { setCursor: [(plot) => setAt(plot.cursor.idx ?? null)] },
    };
    const plot = new uPlot(options, [seconds, ...drawn.map((values) => [...values])], element);
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [times, series, stacked, theme]);
  const shown = at === null || at >= times.length ? times.length - 1 : at;
  return (
    <figure class="plot">
      <div ref={box} class="plot-box" aria-hidden="true" />
      <figcaption>
        <span class="muted">{at === null ? 'now' : exactText(times[shown] ?? '')}</span>
        {series.map(({ name, values, tone }) => (
          <span key={name} class="plot-key">
            <Swatch tone={tone} />
            {name} <strong>{countText(values[shown] ?? 0)}</strong>
          </span>
        ))}
      </figcaption>
      <details>
        <summary>{label} as a table</summary>
        <PlotTable label={label} times={times} series={series} />
      </details>
    </figure>
  );
}

function Swatch({ tone }: { readonly tone: Tone | number }) {
  if (typeof tone !== 'number') return <span class={`dot ${tone}`} />;
  return <span class={`dot hue-${tone % HUES.length}`} />;
}

function PlotTable({ label, times, series }: Omit<TimePlotProps, 'stacked'>) {
  const step = Math.max(1, Math.ceil(times.length / ROWS));
  const rows = times
    .map((time, index) => ({ time, index }))
    .filter(({ index }) => (times.length - 1 - index) % step === 0);
  return (
    <Table
      caption={label}
      rows={[...rows].reverse()}
      rowKey={({ time }) => time}
      columns={[
        { title: 'When', cell: ({ time }) => exactText(time) },
        ...series.map(({ name, values }) => ({
          title: name,
          numeric: true,
          cell: ({ index }: { readonly index: number }) => countText(values[index] ?? 0),
        })),
      ]}
    />
  );
}
