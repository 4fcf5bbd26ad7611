import type { CveStanding } from '@resplice/protocol/console';
import { useQuery } from '../api/use-query.js';
import { setParams, useAddress } from '../router.js';
import { CveRows } from '../ui/cve-rows.js';
import { Empty, Loaded } from '../ui/loaded.js';
import { countText, Meter } from '../ui/meter.js';
import { Page } from '../ui/page.js';
import { Pill } from '../ui/pill.js';
import { matches, SearchBox } from '../ui/search-box.js';
import type { Column } from '../ui/table.js';

/** So many rows are put into the page at once; the rest is a search away. */
const SHOWN = 200;

const COLUMNS: readonly Column<CveStanding>[] = [
  {
    title: 'CVE',
    cell: ({ cve }) => (
      <a
        href={`https://www.cve.org/CVERecord?id=${encodeURIComponent(cve)}`}
        rel="noreferrer"
        target="_blank"
      >
        {cve}
      </a>
    ),
  },
  {
    title: 'State',
    cell: ({ open, fixed }) =>
      open > 0 ? (
        <Pill tone="warn">Open</Pill>
      ) : fixed > 0 ? (
        <Pill tone="good">Fixed live</Pill>
      ) : (
        <Pill tone="quiet">No machine</Pill>
      ),
  },
  {
    title: 'Open',
    numeric: true,
    cell: ({ cve, open }) => (open === 0 ? 0 : <a href={`/?cve=${cve}&cveState=open`}>{countText(open)}</a>),
  },
  {
    title: 'Fixed live',
    numeric: true,
    cell: ({ cve, fixed }) =>
      fixed === 0 ? 0 : <a href={`/?cve=${cve}&cveState=fixed`}>{countText(fixed)}</a>,
  },
  {
    title: 'Machines',
    minor: true,
    cell: ({ cve, open, fixed }) => (
      <Meter
        label={cve}
        parts={[
          { name: 'fixed live', count: fixed, tone: 'good' },
          { name: 'open', count: open, tone: 'warn' },
        ]}
      />
    ),
  },
  {
    title: 'Updates',
    cell: ({ updates }) => (
      <span class="row-of">
        {updates.map((id) => (
          <a key={id} href={`/updates/${encodeURIComponent(id)}`}>
            {id}
          </a>
        ))}
      </span>
    ),
  },
];

export function CvesPage() {
  const { params } = useAddress();
  const search = params.get('q') ?? '';
  const state = params.get('state') ?? 'any';
  const query = useQuery<{ cves: readonly CveStanding[] }>('/cves', ['machines', 'updates', 'fleet']);
  return (
    <Page
      title="CVEs"
      lead="Those that published updates are for, and on how many active machines each is fixed live or still open."
    >
      <section class="panel" aria-label="List of CVEs">
        <search class="filters">
          <SearchBox label="Search CVEs" />
          <select
            aria-label="State"
            value={state}
            onChange={({ currentTarget: { value } }) => setParams({ state: value === 'any' ? null : value })}
          >
            <option value="any">Open or fixed</option>
            <option value="open">Open</option>
            <option value="fixed">Fixed live everywhere</option>
          </select>
        </search>
        <Loaded query={query}>
          {({ cves }) => {
            const rows = cves.filter(
              ({ cve, updates, open, fixed }) =>
                matches(search, cve, ...updates) &&
                (state === 'any' || (state === 'open' ? open > 0 : open === 0 && fixed > 0)),
            );
            if (rows.length === 0)
              return (
                <Empty title={cves.length === 0 ? 'No published update names a CVE' : 'No CVE matches'} />
              );
            return <CveRows caption="CVEs" columns={COLUMNS} rows={rows} most={SHOWN} />;
          }}
        </Loaded>
      </section>
    </Page>
  );
}
