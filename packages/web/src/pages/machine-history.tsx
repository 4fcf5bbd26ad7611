import type { MachineDetail } from '@resplice/protocol/console';
import { detailText } from '../ui/detail.js';
import { Empty } from '../ui/loaded.js';
import { Since } from '../ui/moment.js';
import { Section } from '../ui/page.js';
import { Table } from '../ui/table.js';

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
            { title: 'Event', cell: ({ kind }) => kind },
            { title: 'Details', cell: ({ detail }) => <span class="muted">{detailText(detail)}</span> },
            { title: 'When', cell: ({ at }) => <Since at={at} /> },
          ]}
        />
      )}
    </Section>
  );
}
