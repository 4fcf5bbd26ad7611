// The fleet at a glance, and its machines. The tiles are filters; a filter is part of the address.

import type { FleetSummary } from '@resplice/protocol/console';
import { useQuery } from '../api/use-query.js';
import { useAddress } from '../router.js';
import { useSession } from '../session.js';
import { Loaded } from '../ui/loaded.js';
import { countText, Meter, percentText } from '../ui/meter.js';
import { Page, Section } from '../ui/page.js';
import { Tile } from '../ui/tile.js';
import { FleetHistorySection } from './fleet-history.js';
import { MachineList } from './machine-list.js';

export function FleetPage() {
  const session = useSession();
  const summary = useQuery<FleetSummary>('/fleet', ['machines']);
  const empty = summary.data?.machines === 0;
  return (
    <Page
      title="Machines"
      actions={
        session.can('keys') && (
          <a class={empty ? 'button primary' : 'button'} href="/start">
            Add machines
          </a>
        )
      }
    >
      <Loaded query={summary}>
        {(data) => (
          <>
            <RepositoryNote summary={data} />
            <Tiles summary={data} />
            {data.machines > 0 && <FleetHistorySection />}
            {data.machines > 0 && (
              <div class="columns">
                <Kernels summary={data} />
                <Effective summary={data} />
              </div>
            )}
          </>
        )}
      </Loaded>
      <MachineList />
    </Page>
  );
}

/** Filters of the tiles, as in the address. */
const TILES = [
  ['Safe', 'good', 'status=uptodate&state=active', 'all updates applied'],
  ['Exposed', 'warn', 'status=outofdate&state=active', 'updates not applied'],
  ['Failing', 'bad', 'health=bad', 'kernel complains'],
  ['Silent', 'warn', 'silent=true', 'missed 3 check-ins'],
  ['Conflicts', 'bad', 'conflict=true', 'copies, snapshots'],
  ['Waiting', 'info', 'state=pending', 'to be authorised'],
  ['No updates', 'quiet', 'status=unsupported&state=active', 'none for the kernel'],
] as const;

function Tiles({ summary }: { readonly summary: FleetSummary }) {
  const { params } = useAddress();
  const { byStatus, byState, byHealth, silent, conflicts } = summary;
  const counts: Readonly<Record<(typeof TILES)[number][0], number>> = {
    Safe: byStatus.uptodate ?? 0,
    Exposed: byStatus.outofdate ?? 0,
    Failing: byHealth.bad ?? 0,
    Silent: silent,
    Conflicts: conflicts,
    Waiting: byState.pending ?? 0,
    'No updates': byStatus.unsupported ?? 0,
  };
  return (
    <div class="tiles">
      {TILES.map(([name, tone, query, note]) => {
        const current = params.toString() === query;
        const href = current ? '/' : `/?${query}`;
        return (
          <Tile
            key={name}
            name={name}
            tone={tone}
            count={counts[name]}
            note={note}
            href={href}
            current={current}
          />
        );
      })}
    </div>
  );
}

function RepositoryNote({ summary: { repository } }: { readonly summary: FleetSummary }) {
  if (repository === null)
    return (
      <p class="callout warn" role="note">
        This server watches no repository of updates, so it cannot tell what machines lack. Start it with{' '}
        <code>resplice serve --repository FOLDER</code>.
      </p>
    );
  if (repository.problem === null) return null;
  return (
    <p class="callout bad" role="alert">
      The repository cannot be believed at present: {repository.problem}. Its last good state stays in force.
    </p>
  );
}

function Kernels({ summary }: { readonly summary: FleetSummary }) {
  const total = summary.kernels.reduce((sum, { machines }) => sum + machines, 0);
  return (
    <Section title="Kernels" note={`${countText(summary.kernels.length)} builds`}>
      <div class="panel-body bars">
        {summary.kernels.slice(0, 6).map(({ release, version, buildId, machines, uptodate }) => (
          <div key={buildId}>
            <div class="bar-head">
              <a href={`/?kernel=${encodeURIComponent(release)}`}>
                {release} <span class="muted">{version}</span>
              </a>
              <span>
                {countText(machines)} <span class="muted">· {percentText(uptodate, machines)} safe</span>
              </span>
            </div>
            <Meter
              label={`${release}, ${percentText(machines, total)} of the fleet`}
              parts={[
                { name: 'safe', count: uptodate, tone: 'good' },
                { name: 'not safe', count: machines - uptodate, tone: 'warn' },
              ]}
            />
          </div>
        ))}
        {summary.kernels.length > 6 && <p class="muted">and {summary.kernels.length - 6} more</p>}
      </div>
    </Section>
  );
}

function Effective({ summary }: { readonly summary: FleetSummary }) {
  const { effective } = summary;
  const total = effective.reduce((sum, { machines }) => sum + machines, 0);
  return (
    <Section title="Effective versions" note="the release whose security fixes the kernels have">
      <div class="panel-body bars">
        {effective.slice(0, 6).map(({ release, machines }) => (
          <div key={release}>
            <div class="bar-head">
              <span>{release}</span>
              <span>
                {countText(machines)} <span class="muted">· {percentText(machines, total)}</span>
              </span>
            </div>
            <Meter
              label={release}
              parts={[
                { name: 'machines', count: machines, tone: 'info' },
                { name: 'others', count: total - machines, tone: 'quiet' },
              ]}
            />
          </div>
        ))}
      </div>
    </Section>
  );
}
