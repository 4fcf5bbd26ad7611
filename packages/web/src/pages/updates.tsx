// What is published, how far it is released, and on how many machines it is.

import type { UpdateStanding } from '@resplice/protocol/console';
import { useQuery } from '../api/use-query.js';
import { useAddress } from '../router.js';
import { Empty, Loaded } from '../ui/loaded.js';
import { countText, Meter } from '../ui/meter.js';
import { Page } from '../ui/page.js';
import { CveLink, Pill } from '../ui/pill.js';
import { matches, SearchBox } from '../ui/search-box.js';
import { type Column, Table } from '../ui/table.js';

export function standingOf(update: UpdateStanding) {
  if (update.withdrawnAt !== null) return <Pill tone="bad">Withdrawn</Pill>;
  if (update.kernels.every(({ goneAt }) => goneAt !== null))
    return (
      <Pill tone="quiet" title="no longer in the repository">
        Gone
      </Pill>
    );
  if (update.ring < 0) return <Pill tone="warn">Held back</Pill>;
  if (update.ring >= 9) return <Pill tone="good">Everywhere</Pill>;
  return <Pill tone="info">{update.ring === 0 ? 'Ring 0' : `Rings 0 to ${update.ring}`}</Pill>;
}

export function progressOf({ id, applied, available, failed }: UpdateStanding) {
  return (
    <>
      {countText(applied)} <span class="muted">of {countText(applied + available)}</span>
      <Meter
        label={id}
        parts={[
          { name: 'applied', count: applied, tone: 'good' },
          { name: 'failed or refused', count: Math.min(failed, available), tone: 'bad' },
          { name: 'not applied', count: Math.max(available - failed, 0), tone: 'warn' },
        ]}
      />
    </>
  );
}

const COLUMNS: readonly Column<UpdateStanding>[] = [
  {
    title: 'Update',
    cell: ({ id, description }) => (
      <>
        <a href={`/updates/${encodeURIComponent(id)}`}>{id}</a>
        <span class="sub">{description}</span>
      </>
    ),
  },
  { title: 'Released', cell: standingOf },
  {
    title: 'CVEs',
    cell: ({ cves }) => (
      <span class="row-of">
        {cves.slice(0, 4).map((cve) => (
          <CveLink key={cve} cve={cve} />
        ))}
        {cves.length > 4 && <span class="muted">and {cves.length - 4} more</span>}
      </span>
    ),
  },
  { title: 'Kernels', numeric: true, minor: true, cell: ({ kernels }) => kernels.length },
  { title: 'Machines', cell: progressOf },
  {
    title: 'Failed',
    numeric: true,
    cell: ({ failed }) => countText(failed),
  },
];

export function UpdatesPage() {
  const { params } = useAddress();
  const query = useQuery<{ updates: readonly UpdateStanding[] }>('/updates', [
    'machines',
    'updates',
    'rollouts',
  ]);
  const search = params.get('q') ?? '';
  return (
    <Page title="Updates" lead="As the repository has them, and what was decided about each.">
      <section class="panel" aria-label="List of updates">
        <search class="filters">
          <SearchBox label="Search updates" />
        </search>
        <Loaded query={query}>
          {({ updates }) => {
            const rows = updates.filter(({ id, description, cves }) =>
              matches(search, id, description, ...cves),
            );
            if (rows.length === 0)
              return (
                <Empty title={updates.length === 0 ? 'Nothing is published yet' : 'No update matches'}>
                  {updates.length === 0
                    ? 'Updates show up here as soon as the repository that this server watches has some.'
                    : 'Search for a part of a name, a description or a CVE.'}
                </Empty>
              );
            return <Table caption="Updates" columns={COLUMNS} rows={rows} rowKey={({ id }) => id} />;
          }}
        </Loaded>
      </section>
    </Page>
  );
}
