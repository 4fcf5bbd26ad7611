import type { AuditEntry } from '@resplice/protocol/console';
import { useState } from 'preact/hooks';
import { queryOf } from '../api/client.js';
import { useQuery } from '../api/use-query.js';
import { detailText } from '../ui/detail.js';
import { Empty, Loaded } from '../ui/loaded.js';
import { exactText, Since } from '../ui/moment.js';
import { Page } from '../ui/page.js';
import { type Column, Table } from '../ui/table.js';

const PER_PAGE = 100;

const COLUMNS: readonly Column<AuditEntry>[] = [
  {
    title: 'When',
    cell: ({ at }) => (
      <>
        <Since at={at} />
        <span class="sub whole">{exactText(at)}</span>
      </>
    ),
  },
  { title: 'Who', cell: ({ actor }) => actor },
  { title: 'What', cell: ({ action }) => action },
  { title: 'Subject', cell: ({ subject }) => subject },
  {
    title: 'Details',
    cell: ({ detail }) => (
      <span class="muted" title={detailText(detail)}>
        {detailText(detail, SHOWN)}
      </span>
    ),
  },
  { title: 'From', minor: true, cell: ({ address }) => address ?? '–' },
];

/** Of a list; the rest is behind the pointer, and in the API. */
const SHOWN = 4;

export function AuditPage() {
  const [trail, setTrail] = useState<readonly number[]>([]);
  const query = useQuery<{ entries: readonly AuditEntry[]; next: number | null }>(
    `/audit${queryOf({ before: trail.at(-1), limit: PER_PAGE })}`,
  );
  return (
    <Page title="Audit log" lead="Every change, by whom and from where, the newest first.">
      <section class="panel" aria-label="Entries of the audit log">
        <Loaded query={query}>
          {({ entries, next }) => (
            <>
              {entries.length === 0 ? (
                <Empty title="Nothing was changed yet" />
              ) : (
                <Table caption="Audit log" columns={COLUMNS} rows={entries} rowKey={({ id }) => String(id)} />
              )}
              <nav class="pager" aria-label="Pages of the log">
                <button
                  type="button"
                  class="small"
                  disabled={trail.length === 0}
                  onClick={() => setTrail(trail.slice(0, -1))}
                >
                  Newer
                </button>
                <button
                  type="button"
                  class="small"
                  disabled={next === null}
                  onClick={() => next !== null && setTrail([...trail, next])}
                >
                  Older
                </button>
              </nav>
            </>
          )}
        </Loaded>
      </section>
    </Page>
  );
}
