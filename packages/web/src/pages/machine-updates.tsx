import type { MachineDetail, UpdateStanding } from '@resplice/protocol/console';
import { useQuery } from '../api/use-query.js';
import { Empty } from '../ui/loaded.js';
import { Since } from '../ui/moment.js';
import { Section } from '../ui/page.js';
import { CveLink, Pill, type Tone } from '../ui/pill.js';
import { Table } from '../ui/table.js';

type Reported = MachineDetail['report']['updates'][number];

interface UpdateRow {
  readonly id: string;
  readonly name: string;
  readonly state: Reported['state'];
  readonly engine: string;
  readonly cves: readonly string[];
  readonly reasons: NonNullable<Reported['reasons']>;
  readonly since: string | null;
}

const WORDS: Readonly<Record<Reported['state'], readonly [string, Tone, string]>> = {
  applied: ['Applied', 'good', 'active in the kernel'],
  available: ['Not applied', 'warn', 'published for this kernel'],
  refused: ['Refused', 'bad', 'a check on the machine said no'],
  failed: ['Failed', 'bad', 'applying or undoing it ended with an error'],
  withdrawn: ['Withdrawn', 'warn', 'active, and gone from the repository'],
};

const ORDER: readonly Reported['state'][] = ['failed', 'refused', 'withdrawn', 'available', 'applied'];

export function MachineUpdates({ machine }: { readonly machine: MachineDetail }) {
  const published = useQuery<{ updates: readonly UpdateStanding[] }>('/updates');
  const cves = new Map(published.data?.updates.map((update) => [update.id, update.cves]));
  const rows = listRows(machine, cves);
  return (
    <Section title="Updates" note={`${machine.applied} applied, ${machine.missing} not`}>
      {rows.length === 0 ? (
        <Empty title="No update for this kernel">None is applied, and the repository has none for it.</Empty>
      ) : (
        <Table
          caption="Updates of this machine"
          rows={rows}
          rowKey={({ id }) => id}
          columns={[
            {
              title: 'Update',
              cell: (row) => (
                <>
                  <a href={`/updates/${encodeURIComponent(row.id)}`}>{row.id}</a>
                  {row.name !== '' && <span class="sub">{row.name}</span>}
                </>
              ),
            },
            {
              title: 'State',
              cell: ({ state }) => (
                <Pill tone={WORDS[state][1]} title={WORDS[state][2]}>
                  {WORDS[state][0]}
                </Pill>
              ),
            },
            {
              title: 'Why',
              cell: (row) => <Why row={row} machine={machine} />,
            },
            {
              title: 'CVEs',
              cell: ({ cves }) => (
                <span class="row-of">
                  {cves.map((cve) => (
                    <CveLink key={cve} cve={cve} />
                  ))}
                </span>
              ),
            },
            { title: 'Engine', cell: ({ engine }) => engine, minor: true },
            {
              title: 'Since',
              cell: ({ since }) => (since === null ? '–' : <Since at={since} />),
              minor: true,
            },
          ]}
        />
      )}
    </Section>
  );
}

function Why({ row, machine }: { readonly row: UpdateRow; readonly machine: MachineDetail }) {
  if (row.reasons.length > 0)
    return (
      <>
        {row.reasons.map(({ code, subject }) => (
          <span key={`${code} ${subject}`}>
            <code>{code}</code> {subject}
          </span>
        ))}
      </>
    );
  const { desired } = machine;
  if (desired.remove.includes(row.id)) return <>withdrawn: undone at the next check-in</>;
  if (row.state !== 'available') return <>–</>;
  if (machine.state !== 'active') return <>the machine is not authorised</>;
  if (machine.disabled !== null) return <>updates are switched off on the machine</>;
  if (desired.except.includes(row.id)) return <>not released to ring {machine.ring} yet</>;
  if (desired.mode === 'notify' || desired.mode === 'off') return <>its group applies nothing by itself</>;
  return <>waits for the next check-in</>;
}

function listRows(
  { report, missingUpdates }: MachineDetail,
  cves: ReadonlyMap<string, readonly string[]>,
): readonly UpdateRow[] {
  const about = new Map(missingUpdates.map((update) => [update.id, update]));
  const reported = report.updates.map(({ id, name = '', engine, state, reasons = [], since = null }) => ({
    id,
    name: name === '' ? (about.get(id)?.description ?? '') : name,
    state,
    engine,
    reasons,
    since,
    cves: cves.get(id) ?? about.get(id)?.cves ?? [],
  }));
  const known = new Set(reported.map(({ id }) => id));
  const missing = missingUpdates
    .filter(({ id }) => !known.has(id))
    .map(
      ({ id, description, cves }): UpdateRow => ({
        id,
        name: description,
        state: 'available',
        engine: '–',
        reasons: [],
        since: null,
        cves,
      }),
    );
  return [...reported, ...missing].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
}
