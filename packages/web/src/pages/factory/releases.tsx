// Releases that were noticed, and what their units have come to; where new ones are looked for.

import type { Release, Watch } from '@resplice/protocol/factory';
import { ask } from '../../api/client.js';
import { useQuery } from '../../api/use-query.js';
import { useSession } from '../../session.js';
import { ActionButton } from '../../ui/dialog.js';
import { Empty, Loaded } from '../../ui/loaded.js';
import { countText } from '../../ui/meter.js';
import { Since } from '../../ui/moment.js';
import { Page, Section } from '../../ui/page.js';
import { Pill } from '../../ui/pill.js';
import { type Column, Table } from '../../ui/table.js';
import { ImportPriorities } from './import-priorities.js';
import { NewRelease, NewWatch } from './new-release.js';
import { CountsMeter } from './state-pill.js';
import { RELEASE } from './words.js';

const COLUMNS: readonly Column<Release>[] = [
  {
    title: 'Release',
    cell: ({ id, title, from, to }) => (
      <>
        <a href={`/releases/${id}`}>{title}</a>
        {from !== '' && (
          <span class="sub">
            {from} → {to}
          </span>
        )}
      </>
    ),
  },
  {
    title: 'State',
    cell: ({ state, problem }) => (
      <Pill tone={RELEASE[state][1]} title={problem ?? undefined}>
        {RELEASE[state][0]}
      </Pill>
    ),
  },
  { title: 'Units', numeric: true, cell: ({ units }) => countText(units) },
  { title: 'CVEs', numeric: true, cell: ({ cves }) => countText(cves) },
  {
    title: 'Candidates',
    cell: ({ title, counts }) => (
      <>
        <span class="row-of">
          {(counts['in-review'] ?? 0) > 0 && <span>{countText(counts['in-review'] ?? 0)} in review</span>}
          {(counts['needs-code'] ?? 0) > 0 && <span>{countText(counts['needs-code'] ?? 0)} need code</span>}
          {(counts.published ?? 0) > 0 && <span>{countText(counts.published ?? 0)} published</span>}
        </span>
        <CountsMeter label={title} counts={counts} />
      </>
    ),
  },
  { title: 'Kernels', numeric: true, minor: true, cell: ({ kernels }) => kernels.length },
  { title: 'Noticed', cell: ({ noticedAt }) => <Since at={noticedAt} /> },
];

export function ReleasesPage() {
  const session = useSession();
  const query = useQuery<{ releases: readonly Release[] }>('/factory/releases', ['candidates', 'jobs']);
  const may = session.can('factory');
  return (
    <Page
      title="Releases"
      lead="Security releases, split into units with their CVEs. Each unit is made into an update for each kernel that the fleet runs."
      actions={
        may && (
          <>
            <ImportPriorities />
            <NewRelease />
          </>
        )
      }
    >
      <section class="panel" aria-label="List of releases">
        <Loaded query={query}>
          {({ releases }) =>
            releases.length === 0 ? (
              <Empty title="No release yet">
                Watch a distribution below, or name a pair of versions. Workers do the rest:{' '}
                <code>resplice worker --factory</code>.
              </Empty>
            ) : (
              <Table caption="Releases" columns={COLUMNS} rows={releases} rowKey={({ id }) => id} />
            )
          }
        </Loaded>
      </section>
      <Watches may={may} />
    </Page>
  );
}

function Watches({ may }: { readonly may: boolean }) {
  const query = useQuery<{ watches: readonly Watch[] }>('/factory/watches', ['jobs']);
  const columns: readonly Column<Watch>[] = [
    {
      title: 'Where',
      cell: ({ kind, repository, branch, upTo, only }) => (
        <>
          {kind === 'apt' ? 'the distribution, by apt' : repository}
          <span class="sub">
            {branch === null ? 'every branch' : branch}
            {upTo !== null && `, up to ${upTo}`}
          </span>
          {only !== null && <span class="sub">only {only.join(', ')}</span>}
        </>
      ),
    },
    {
      title: 'Flavours',
      cell: ({ flavours }) => (flavours.length === 0 ? 'those that machines run' : flavours.join(', ')),
    },
    {
      title: 'Kernels besides',
      minor: true,
      cell: ({ kernels }) => (kernels.length === 0 ? '–' : kernels.join(', ')),
    },
    {
      title: 'Last look',
      cell: ({ checkedAt, problem, seen }) => (
        <>
          <Since at={checkedAt} />
          {problem === null ? (
            seen.length > 0 && <span class="sub">offered: {seen.join(', ')}</span>
          ) : (
            <span class="sub">
              <Pill tone="bad">failed</Pill> {problem}
            </span>
          )}
        </>
      ),
    },
    { title: 'Every', minor: true, cell: ({ everyMinutes }) => `${everyMinutes} min` },
    ...(may ? [{ title: 'Actions', cell: (watch: Watch) => <WatchActions id={watch.id} /> }] : []),
  ];
  return (
    <Section title="Watched" note="where new kernels are looked for" actions={may && <NewWatch />}>
      <Loaded query={query}>
        {({ watches }) =>
          watches.length === 0 ? (
            <Empty title="Nothing is watched" />
          ) : (
            <Table caption="Watches" columns={columns} rows={watches} rowKey={({ id }) => id} />
          )
        }
      </Loaded>
    </Section>
  );
}

function WatchActions({ id }: { readonly id: string }) {
  return (
    <span class="row-of">
      <ActionButton
        label="Look now"
        small
        done="A worker looks as soon as one is free"
        work={() => ask('POST', `/factory/watches/${id}/check`, {})}
      />
      <ActionButton
        label="Remove"
        small
        tone="danger"
        question={{
          title: 'Watch this no more?',
          text: <p>Releases that were noticed stay.</p>,
          yes: 'Remove',
        }}
        done="The watch is removed"
        work={() => ask('DELETE', `/factory/watches/${id}`)}
      />
    </span>
  );
}
