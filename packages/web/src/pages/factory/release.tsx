// One release: its kernels, and the table of its CVEs with where each stands on each kernel.

import type { CveRow, Release, ReleaseDetail } from '@resplice/protocol/factory';
import { useQuery } from '../../api/use-query.js';
import { setParams, useAddress } from '../../router.js';
import { CveRows } from '../../ui/cve-rows.js';
import { Empty, Loaded } from '../../ui/loaded.js';
import { countText } from '../../ui/meter.js';
import { durationText, Since } from '../../ui/moment.js';
import { Page, Section } from '../../ui/page.js';
import { Pill } from '../../ui/pill.js';
import { matches, SearchBox } from '../../ui/search-box.js';
import type { Column } from '../../ui/table.js';
import { CountsMeter, SeverityPills, StatePill } from './state-pill.js';
import { BOARD, CANDIDATE, kernelText, RELEASE } from './words.js';

const UP = { href: '/releases', title: 'Releases' };
const SHOWN = 150;

export function ReleasePage({ id }: { readonly id: string }) {
  const query = useQuery<ReleaseDetail>(`/factory/releases/${encodeURIComponent(id)}`, ['candidates']);
  const { data } = query;
  return (
    <Page
      title={data?.title ?? 'Release'}
      up={UP}
      lead={
        data !== undefined && (
          <span class="row-of">
            <Pill tone={RELEASE[data.state][1]}>{RELEASE[data.state][0]}</Pill>
            {data.from !== '' && `${data.from} → ${data.to}`}
            <span>
              {data.offeredAt === null ? 'noticed' : 'on offer since'}{' '}
              <Since at={data.offeredAt ?? data.noticedAt} />
            </span>
            {data.secondsToReview !== null && (
              <span>ready for review {durationText(data.secondsToReview)} later</span>
            )}
          </span>
        )
      }
      actions={
        data !== undefined && (
          <a class="button" href={`/review?release=${data.id}`}>
            All candidates
          </a>
        )
      }
    >
      <Loaded query={query}>
        {(release) => (
          <>
            {release.problem !== null && <p class="callout bad">{release.problem}</p>}
            {release.only !== null && (
              <p class="callout">Only a part of the release: {release.only.join(', ')}</p>
            )}
            <States release={release} />
            <Kernels release={release} />
            <CveTable release={release} />
            {release.untiedCves.length > 0 && <Untied cves={release.untiedCves} />}
          </>
        )}
      </Loaded>
    </Page>
  );
}

function States({ release }: { readonly release: Release }) {
  const states = BOARD.filter((state) => (release.counts[state] ?? 0) > 0);
  return (
    <div class="tiles compact">
      {states.map((state) => {
        const [text, tone, means] = CANDIDATE[state];
        return (
          <a key={state} class="tile" href={`/review?release=${release.id}&state=${state}`} title={means}>
            <span class="tile-name">
              <span class={`dot ${tone}`} />
              {text}
            </span>
            <span class="tile-count">{countText(release.counts[state] ?? 0)}</span>
          </a>
        );
      })}
    </div>
  );
}

function Kernels({ release }: { readonly release: Release }) {
  return (
    <Section title="Kernels" note={`${countText(release.units)} units, ${countText(release.cves)} CVEs`}>
      <div class="panel-body bars">
        {release.kernels.map(({ release: name, version, counts }) => {
          const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
          return (
            <div key={`${name} ${version}`}>
              <div class="bar-head">
                <a
                  href={`/review?release=${release.id}&kernel=${encodeURIComponent(kernelText({ release: name, version }))}`}
                >
                  {name} <span class="muted">{version}</span>
                </a>
                <span class="muted">{countText(total)} candidates</span>
              </div>
              <CountsMeter label={name} counts={counts} />
            </div>
          );
        })}
      </div>
    </Section>
  );
}

const STANDINGS: readonly (readonly [string, string, (row: CveRow) => boolean])[] = [
  ['live', 'fixed live on every kernel', (row) => isAll(row, 'published', 'covered', 'not-built')],
  ['review', 'in review', (row) => isAny(row, 'in-review')],
  ['code', 'needs code', (row) => isAny(row, 'needs-code')],
  ['refused', 'refused', (row) => isAny(row, 'refused')],
  ['not-built', 'not in this configuration', (row) => isAll(row, 'not-built')],
  ['untied', 'no unit found', (row) => row.units.length === 0],
];

function isAny({ candidates }: CveRow, ...states: readonly string[]): boolean {
  return candidates.some(({ state }) => states.includes(state));
}

function isAll({ candidates }: CveRow, ...states: readonly string[]): boolean {
  return candidates.length > 0 && candidates.every(({ state }) => states.includes(state));
}

function CveTable({ release }: { readonly release: ReleaseDetail }) {
  const { params } = useAddress();
  const search = params.get('q') ?? '';
  const standing = params.get('standing') ?? 'any';
  const test = STANDINGS.find(([name]) => name === standing)?.[2];
  const rows = release.cveTable.filter(
    (row) => matches(search, row.cve, row.subject, ...row.units) && (test === undefined || test(row)),
  );
  const columns: readonly Column<CveRow>[] = [
    {
      title: 'CVE',
      cell: ({ cve, severity, exploited }) => (
        <span class="row-of">
          <a class="cve" href={`https://www.cve.org/CVERecord?id=${cve}`} target="_blank" rel="noreferrer">
            {cve}
          </a>
          <SeverityPills severity={severity} exploited={exploited} />
        </span>
      ),
    },
    {
      title: 'About',
      cell: ({ subject, confidence }) => (
        <>
          {subject}
          {confidence !== null && confidence !== 'certain' && (
            <span class="sub">{confidence} that this is its fix</span>
          )}
        </>
      ),
    },
    ...release.kernels.map(({ release: name, version }) => ({
      title: name,
      cell: (row: CveRow) => <Cells row={row} kernel={kernelText({ release: name, version })} />,
    })),
  ];
  return (
    <section class="panel" aria-label="CVEs of this release">
      <search class="filters">
        <SearchBox label="Search CVEs and units" />
        <select
          aria-label="Where they stand"
          value={standing}
          onChange={({ currentTarget: { value } }) => setParams({ standing: value === 'any' ? null : value })}
        >
          <option value="any">All CVEs</option>
          {STANDINGS.map(([name, title]) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
      </search>
      {rows.length === 0 ? (
        <Empty title={release.cveTable.length === 0 ? 'No CVE is named yet' : 'No CVE matches'} />
      ) : (
        <CveRows caption="CVEs of this release" columns={columns} rows={rows} most={SHOWN} />
      )}
    </section>
  );
}

function Cells({ row, kernel }: { readonly row: CveRow; readonly kernel: string }) {
  const own = row.candidates.filter((candidate) => candidate.kernel === kernel);
  if (own.length === 0) return <span class="muted">no unit</span>;
  return (
    <>
      {own.map(({ id, unit, state, reason }) => (
        <span key={id} class="cell-line">
          <StatePill state={state} /> <a href={`/candidates/${id}`}>{unit}</a>
          {reason !== null && <code class="sub">{reason}</code>}
        </span>
      ))}
    </>
  );
}

function Untied({ cves }: { readonly cves: readonly string[] }) {
  return (
    <Section title="Tied to no unit" note="named by the changelog; which change fixes them could not be told">
      <p class="panel-body row-of">{cves.join(', ')}</p>
    </Section>
  );
}
