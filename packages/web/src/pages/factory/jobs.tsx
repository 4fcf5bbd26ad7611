import type { FactoryWorker, JobList } from '@resplice/protocol/factory';
import { queryOf } from '../../api/client.js';
import { useQuery } from '../../api/use-query.js';
import { setParams, useAddress } from '../../router.js';
import { Empty, Loaded } from '../../ui/loaded.js';
import { countText } from '../../ui/meter.js';
import { Since } from '../../ui/moment.js';
import { Page, Section } from '../../ui/page.js';
import { Pill } from '../../ui/pill.js';
import { Table } from '../../ui/table.js';
import { Tile } from '../../ui/tile.js';
import { JobTable } from './job-table.js';
import { JOB, KIND } from './words.js';

const STATES = ['running', 'waiting', 'failed', 'done', 'cancelled'] as const;

export function JobsPage() {
  const { params } = useAddress();
  const [state, kind] = [params.get('state'), params.get('kind')];
  const query = useQuery<JobList>(`/factory/jobs${queryOf({ state, kind, limit: 200 })}`, [
    'jobs',
    'candidates',
  ]);
  return (
    <Page
      title="Jobs"
      lead="What workers do now, what waits, and what has ended. A job whose worker dies is taken up by another one."
    >
      <Loaded query={query}>
        {({ jobs, counts }) => (
          <>
            <div class="tiles compact">
              {STATES.map((each) => (
                <Tile
                  key={each}
                  name={JOB[each][0]}
                  tone={JOB[each][1]}
                  count={counts[each] ?? 0}
                  href={state === each ? '/jobs' : `/jobs?state=${each}`}
                  current={state === each}
                />
              ))}
            </div>
            <section class="panel" aria-label="List of jobs">
              <search class="filters">
                <select
                  aria-label="Kind"
                  value={kind ?? ''}
                  onChange={({ currentTarget: { value } }) =>
                    setParams({ kind: value === '' ? null : value })
                  }
                >
                  <option value="">Every kind</option>
                  {Object.entries(KIND).map(([value, title]) => (
                    <option key={value} value={value}>
                      {title}
                    </option>
                  ))}
                </select>
              </search>
              {jobs.length === 0 ? <Empty title="No job matches" /> : <JobTable jobs={jobs} />}
            </section>
          </>
        )}
      </Loaded>
      <Workers />
    </Page>
  );
}

function Workers() {
  const query = useQuery<{ workers: readonly FactoryWorker[] }>('/factory/workers', ['workers', 'jobs']);
  return (
    <Section title="Workers" note="more of them make it faster; they need the database and nothing else">
      <Loaded query={query}>
        {({ workers }) =>
          workers.length === 0 ? (
            <Empty title="No worker yet">
              On any machine with the checkout: <code>DATABASE_URL=… resplice worker --factory</code>, or{' '}
              <code>resplice serve --factory</code> for one machine that does it all.
            </Empty>
          ) : (
            <Table
              caption="Workers"
              rows={workers}
              rowKey={({ name }) => name}
              columns={[
                {
                  title: 'Worker',
                  cell: ({ name, version }) => (
                    <>
                      {name}
                      <span class="sub">resplice {version}</span>
                    </>
                  ),
                },
                {
                  title: 'State',
                  cell: ({ alive, seenAt }) => (
                    <span class="row-of">
                      <Pill tone={alive ? 'good' : 'bad'}>{alive ? 'Alive' : 'Silent'}</Pill>{' '}
                      <Since at={seenAt} />
                    </span>
                  ),
                },
                {
                  title: 'Works on',
                  cell: ({ running }) =>
                    running.length === 0 ? (
                      <span class="muted">nothing</span>
                    ) : (
                      running.map(({ id, kind, subject }) => (
                        <span key={id} class="cell-line">
                          <a href={`/jobs/${id}`}>
                            {KIND[kind]}: {subject}
                          </a>
                        </span>
                      ))
                    ),
                },
                { title: 'Takes', minor: true, cell: ({ kinds }) => kinds.join(', ') },
                { title: 'Processors', numeric: true, minor: true, cell: ({ processors }) => processors },
                { title: 'Done', numeric: true, cell: ({ done }) => countText(done) },
                { title: 'Failed', numeric: true, cell: ({ failed }) => countText(failed) },
              ]}
            />
          )
        }
      </Loaded>
    </Section>
  );
}
