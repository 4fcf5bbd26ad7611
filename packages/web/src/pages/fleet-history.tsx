// The fleet over time: how many machines are safe, which releases they are at, which CVEs are open.

import type { FleetHistory, FleetSample } from '@resplice/protocol/console';
import { useMemo, useState } from 'preact/hooks';
import { queryOf } from '../api/client.js';
import { useQuery } from '../api/use-query.js';
import { Empty, Loaded } from '../ui/loaded.js';
import { Section } from '../ui/page.js';
import { type PlotSeries, TimePlot } from '../ui/time-plot.js';

const DAY_MS = 86_400_000;
const SPANS: readonly (readonly [days: number, title: string])[] = [
  [1, 'one day'],
  [7, 'one week'],
  [31, 'one month'],
  [366, 'one year'],
];
const STANDINGS = [
  ['safe', 'good'],
  ['unsupported', 'quiet'],
  ['silent', 'info'],
  ['exposed', 'warn'],
  ['failing', 'bad'],
] as const;
const SEVERITIES = [
  ['critical', 'bad'],
  ['high', 'warn'],
  ['medium', 'info'],
  ['low', 'good'],
  ['unknown', 'quiet'],
] as const;
/** Releases that have a line of their own; the rest is one. */
const RELEASES = 6;

export function FleetHistorySection() {
  const [days, setDays] = useState(7);
  // To the minute, so that a redraw does not ask anew.
  const from = useMemo(
    () => new Date(Math.floor((Date.now() - days * DAY_MS) / 60_000) * 60_000).toISOString(),
    [days],
  );
  const query = useQuery<FleetHistory>(`/fleet/history${queryOf({ from })}`, ['fleet']);
  return (
    <Section
      title="Over time"
      actions={
        <select
          aria-label="How far back"
          value={days}
          onChange={(event) => setDays(Number(event.currentTarget.value))}
        >
          {SPANS.map(([value, title]) => (
            <option key={value} value={value}>
              {title}
            </option>
          ))}
        </select>
      }
    >
      <Loaded query={query}>
        {({ samples }) =>
          samples.length === 0 ? (
            <Empty title="No sample yet">One is taken every quarter of an hour.</Empty>
          ) : (
            <Plots samples={samples} />
          )
        }
      </Loaded>
    </Section>
  );
}

function Plots({ samples }: { readonly samples: readonly FleetSample[] }) {
  const times = useMemo(() => samples.map(({ at }) => at), [samples]);
  const standing = useMemo(
    () =>
      STANDINGS.map(
        ([name, tone]): PlotSeries => ({
          name,
          tone,
          values: samples.map((sample) => sample.standing[name]),
        }),
      ),
    [samples],
  );
  const cves = useMemo(
    () =>
      SEVERITIES.map(
        ([name, tone]): PlotSeries => ({
          name,
          tone,
          values: samples.map((sample) => sample.cvesOpen[name] ?? 0),
        }),
      ),
    [samples],
  );
  const effective = useMemo(() => linesOf(samples), [samples]);
  return (
    <div class="panel-body plots">
      <div>
        <h3>Machines</h3>
        <TimePlot label="Machines" times={times} series={standing} stacked />
      </div>
      <div>
        <h3>CVEs open on a machine, by severity</h3>
        <TimePlot label="Open CVEs" times={times} series={cves} stacked />
      </div>
      <div>
        <h3>Machines by effective version</h3>
        <TimePlot label="Effective versions" times={times} series={effective} stacked={false} />
      </div>
    </div>
  );
}

function linesOf(samples: readonly FleetSample[]): readonly PlotSeries[] {
  const last = samples.at(-1)?.effective ?? {};
  const names = [...new Set(samples.flatMap(({ effective }) => Object.keys(effective)))].sort(
    (a, b) => (last[b] ?? 0) - (last[a] ?? 0),
  );
  const own = names.slice(0, RELEASES);
  const rest = names.slice(RELEASES);
  const lines = own.map(
    (name, tone): PlotSeries => ({
      name,
      tone,
      values: samples.map(({ effective }) => effective[name] ?? 0),
    }),
  );
  if (rest.length === 0) return lines;
  const values = samples.map(({ effective }) => rest.reduce((sum, name) => sum + (effective[name] ?? 0), 0));
  return [...lines, { name: `${rest.length} others`, tone: 'quiet', values }];
}
