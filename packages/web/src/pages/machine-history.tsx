import type { MachineDetail } from '@resplice/protocol/console';
import { detailText } from '../ui/detail.js';
import { Empty } from '../ui/loaded.js';
import { Since } from '../ui/moment.js';
import { Section } from '../ui/page.js';
import { Table } from '../ui/table.js';

const EVENT: Readonly<Record<string, string>> = {
  registered: 'Registered',
  'registered-again': 'Registered again',
  rebooted: 'Started anew',
  'kernel-changed': 'Another kernel',
  'updates-changed': 'Updates',
  'health-changed': 'Health',
  'disabled-changed': 'Updates switched',
  'hardware-changed': 'Other hardware',
  conflict: 'Conflict',
  'sequence-ahead': 'Check-ins missed',
};

interface UpdateChange {
  readonly id: string;
  readonly from?: string | null;
  readonly to?: string | null;
  readonly reasons?: readonly string[];
}

function Details({ kind, detail }: Pick<MachineDetail['events'][number], 'kind' | 'detail'>) {
  const { changes, from, to, complaints } = detail;
  if (kind === 'updates-changed' && Array.isArray(changes))
    return changes.map(({ id, to: state, reasons = [] }: UpdateChange) => (
      <span key={id} class="cell-line">
        <code>{id}</code> {state ?? 'gone'}
        {reasons.length > 0 && <span class="muted"> ({reasons.join(', ')})</span>}
      </span>
    ));
  if (kind === 'health-changed')
    return (
      <>
        {String(from)} → {String(to)}
        {Array.isArray(complaints) && complaints.length > 0 && (
          <span class="sub mono">{String(complaints[0])}</span>
        )}
      </>
    );
  if (kind === 'kernel-changed') return `${from} → ${to}`;
  return <span class="muted">{detailText(detail)}</span>;
}

export function MachineHistory({ events }: { readonly events: MachineDetail['events'] }) {
  return (
    <Section title="History" note={events.length === 100 ? 'the last 100 events' : `${events.length} events`}>
      {events.length === 0 ? (
        <Empty title="Nothing happened yet" />
      ) : (
        <Table
          caption="History of this machine"
          rows={events.map((event, index) => ({ ...event, key: `${index}` }))}
          rowKey={({ key }) => key}
          columns={[
            { title: 'Event', cell: ({ kind }) => <span class="whole">{EVENT[kind] ?? kind}</span> },
            { title: 'Details', cell: (event) => <Details kind={event.kind} detail={event.detail} /> },
            { title: 'When', cell: ({ at }) => <Since at={at} /> },
          ]}
        />
      )}
    </Section>
  );
}
