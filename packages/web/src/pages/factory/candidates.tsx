// Candidates, the most urgent first: what a reviewer works through.

import type { CandidatePage, CandidateRow, Release } from '@resplice/protocol/factory';
import { ask, queryOf } from '../../api/client.js';
import { useQuery } from '../../api/use-query.js';
import { setParams, useAddress } from '../../router.js';
import { useSession } from '../../session.js';
import { ActionButton } from '../../ui/dialog.js';
import { Empty, Loaded } from '../../ui/loaded.js';
import { countText } from '../../ui/meter.js';
import { Since } from '../../ui/moment.js';
import { Page } from '../../ui/page.js';
import { Pager, usePages } from '../../ui/pager.js';
import { SearchBox } from '../../ui/search-box.js';
import { type Column, Table } from '../../ui/table.js';
import { SeverityPills, StatePill } from './state-pill.js';
import { BOARD, CANDIDATE } from './words.js';

const PER_PAGE = 50;

const COLUMNS: readonly Column<CandidateRow>[] = [
  {
    title: 'Unit',
    cell: ({ id, unit, files }) => (
      <>
        <a href={`/candidates/${id}`}>{unit}</a>
        <span class="sub">
          {files.slice(0, 2).join(', ')}
          {files.length > 2 && ` and ${files.length - 2} more`}
        </span>
      </>
    ),
  },
  {
    title: 'State',
    cell: ({ state, reason, approvals }) => (
      <>
        <StatePill state={state} />
        {reason !== null && <code class="sub">{reason}</code>}
        {state === 'in-review' && approvals > 0 && <span class="sub">{approvals} approved</span>}
      </>
    ),
  },
  {
    title: 'CVEs',
    cell: ({ cves, severity, exploited }) => (
      <span class="row-of">
        {cves.slice(0, 3).map((cve) => (
          <span key={cve} class="cve">
            {cve}
          </span>
        ))}
        {cves.length > 3 && <span class="muted">and {cves.length - 3} more</span>}
        <SeverityPills severity={severity} exploited={exploited} />
      </span>
    ),
  },
  {
    title: 'Kernel',
    cell: ({ kernel }) => (
      <>
        <span class="whole">{kernel.release}</span>
        <span class="sub">{kernel.version}</span>
      </>
    ),
  },
  {
    title: 'Functions',
    numeric: true,
    minor: true,
    cell: ({ functions }) => (functions === 0 ? '–' : functions),
  },
  { title: 'Changed', minor: true, cell: ({ changedAt }) => <Since at={changedAt} /> },
];

export function CandidatesPage() {
  const session = useSession();
  const { params } = useAddress();
  const filter = {
    q: params.get('q'),
    state: params.get('state'),
    release: params.get('release'),
    kernel: params.get('kernel'),
    cve: params.get('cve'),
  };
  const pages = usePages(queryOf(filter));
  const query = useQuery<CandidatePage>(
    `/factory/candidates${queryOf({ ...filter, after: pages.after, limit: PER_PAGE })}`,
    ['candidates'],
  );
  const releases = useQuery<{ releases: readonly Release[] }>('/factory/releases', ['candidates']);
  const change = (name: string, value: string): void => {
    setParams({ [name]: value === '' ? null : value, after: null });
  };
  const kernels = new Set(
    releases.data?.releases.flatMap((release) => release.kernels.map(({ release: name }) => name)),
  );
  return (
    <Page
      title="Review"
      lead="Units × kernels, the most urgent first. Open one to see what changes and to decide."
      actions={
        session.can('review') && (
          <ActionButton
            label="Publish what is approved"
            question={{
              title: 'Publish?',
              text: (
                <p>
                  Each kernel with something approved or withdrawn since its last cumulative update gets the
                  next one: all approved units as one update, tested once more, replacing the one before.
                </p>
              ),
              yes: 'Publish',
            }}
            done="The next cumulative updates are being made"
            work={() => ask('POST', '/factory/publish', {})}
          />
        )
      }
    >
      <section class="panel" aria-label="List of candidates">
        <search class="filters">
          <SearchBox label="Search units, files, CVEs" />
          <select
            aria-label="State"
            value={filter.state ?? ''}
            onChange={(event) => change('state', event.currentTarget.value)}
          >
            <option value="">Any state</option>
            {BOARD.map((state) => (
              <option key={state} value={state}>
                {CANDIDATE[state][0]}
              </option>
            ))}
          </select>
          <select
            aria-label="Release"
            value={filter.release ?? ''}
            onChange={(event) => change('release', event.currentTarget.value)}
          >
            <option value="">Any release</option>
            {releases.data?.releases.map(({ id, title }) => (
              <option key={id} value={id}>
                {title}
              </option>
            ))}
          </select>
          <select
            aria-label="Kernel"
            value={filter.kernel?.split('=')[0] ?? ''}
            onChange={(event) => change('kernel', event.currentTarget.value)}
          >
            <option value="">Any kernel</option>
            {[...kernels].map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </search>
        <Loaded query={query}>
          {({ candidates, total, next }) => (
            <>
              {candidates.length === 0 ? (
                <Empty title="No candidate matches">
                  <a href="/review">Show all candidates</a> or look at the <a href="/releases">releases</a>.
                </Empty>
              ) : (
                <Table caption="Candidates" columns={COLUMNS} rows={candidates} rowKey={({ id }) => id} />
              )}
              <Pager pages={pages} next={next}>
                {countText(total)} {total === 1 ? 'candidate' : 'candidates'}
              </Pager>
            </>
          )}
        </Loaded>
      </section>
    </Page>
  );
}
