import type { Cumulative } from '@resplice/protocol/factory';
import { useQuery } from '../../api/use-query.js';
import { Empty, Loaded } from '../../ui/loaded.js';
import { Since } from '../../ui/moment.js';
import { Page } from '../../ui/page.js';
import { Pill } from '../../ui/pill.js';
import { type Column, Table } from '../../ui/table.js';

const STATE = {
  building: ['Being made', 'info'],
  published: ['Published', 'good'],
  failed: ['Failed', 'bad'],
} as const;

const COLUMNS: readonly Column<Cumulative>[] = [
  {
    title: 'Kernel',
    cell: ({ kernel, number }) => (
      <>
        <strong>
          {kernel.release} no. {number}
        </strong>
        <span class="sub">{kernel.version}</span>
      </>
    ),
  },
  {
    title: 'State',
    cell: ({ state, problem }) => (
      <>
        <Pill tone={STATE[state][1]}>{STATE[state][0]}</Pill>
        {problem !== null && <span class="sub">{problem}</span>}
      </>
    ),
  },
  {
    title: 'Update',
    cell: ({ updateId, state }) =>
      state === 'published' ? <a href={`/updates/${encodeURIComponent(updateId)}`}>{updateId}</a> : updateId,
  },
  {
    title: 'Units',
    numeric: true,
    cell: ({ units, leftOut }) => (
      <>
        <span title={units.join(', ')}>{units.length}</span>
        {leftOut.length > 0 && (
          <span class="sub" title={leftOut.map(({ unit, why }) => `${unit}: ${why}`).join('\n\n')}>
            without {leftOut.map(({ unit }) => unit).join(', ')}
          </span>
        )}
      </>
    ),
  },
  { title: 'CVEs', numeric: true, cell: ({ cves }) => <span title={cves.join(', ')}>{cves.length}</span> },
  {
    title: 'Size',
    numeric: true,
    minor: true,
    cell: ({ length }) => (length === null ? '–' : `${Math.max(1, Math.round(length / 1024))} kB`),
  },
  {
    title: 'Published',
    cell: ({ publishedAt }) => (publishedAt === null ? '–' : <Since at={publishedAt} />),
  },
];

export function CumulativesPage() {
  const query = useQuery<{ cumulatives: readonly Cumulative[] }>('/factory/cumulatives', [
    'candidates',
    'jobs',
    'updates',
  ]);
  return (
    <Page
      title="Cumulative updates"
      lead="Per kernel one update that holds every approved unit and replaces the one before in one step."
    >
      <section class="panel" aria-label="List of cumulative updates">
        <Loaded query={query}>
          {({ cumulatives }) =>
            cumulatives.length === 0 ? (
              <Empty title="None yet">
                Approve units under <a href="/review">Review</a>, then publish what is approved.
              </Empty>
            ) : (
              <Table
                caption="Cumulative updates"
                columns={COLUMNS}
                rows={cumulatives}
                rowKey={({ id }) => id}
              />
            )
          }
        </Loaded>
      </section>
    </Page>
  );
}
