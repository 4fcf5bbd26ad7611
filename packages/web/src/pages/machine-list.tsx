// Machines a page at a time: the server filters and counts, so a fleet of a hundred thousand is as quick as one of ten.

import type { Group, MachinePage, MachineSummary } from '@resplice/protocol/console';
import { useEffect, useState } from 'preact/hooks';
import { queryOf } from '../api/client.js';
import { useQuery } from '../api/use-query.js';
import { setParams, useAddress } from '../router.js';
import { useSession } from '../session.js';
import { Empty, Loaded } from '../ui/loaded.js';
import { countText } from '../ui/meter.js';
import { Since } from '../ui/moment.js';
import { Pager, usePages } from '../ui/pager.js';
import { Pill, Tag } from '../ui/pill.js';
import { type Column, Table } from '../ui/table.js';
import { BulkActions } from './machine-bulk.js';
import { FILTERS, MachineFilters } from './machine-filters.js';
import { nameOf, wordsOf } from './machine-words.js';

const PER_PAGE = 50;

const COLUMNS: readonly Column<MachineSummary>[] = [
  {
    title: 'Machine',
    sort: 'name',
    cell: (row) => (
      <>
        <a class="name" title={nameOf(row)} href={`/machines/${row.machine}`}>
          {nameOf(row)}
        </a>
        {row.hidden && <Tag>hidden</Tag>}
        <span class="sub mono">{row.machine.slice(0, 8)}</span>
      </>
    ),
  },
  {
    title: 'State',
    sort: 'state',
    cell: (row) => (
      <span class="row-of">
        {wordsOf(row).map(({ text, tone, means }) => (
          <Pill key={text} tone={tone} title={means}>
            {text}
          </Pill>
        ))}
      </span>
    ),
  },
  {
    title: 'Kernel',
    sort: 'kernel',
    cell: ({ kernel }) => (
      <>
        <span class="whole">{kernel.release}</span>
        <span class="sub">{kernel.version}</span>
      </>
    ),
  },
  {
    title: 'Effective',
    sort: 'effective',
    cell: ({ effective }) => <span class="whole">{effective}</span>,
    minor: true,
  },
  {
    title: 'Updates',
    numeric: true,
    cell: ({ applied, missing }) => (
      <>
        {applied}
        {missing > 0 && <span class="muted"> of {applied + missing}</span>}
      </>
    ),
  },
  {
    title: 'Group',
    minor: true,
    cell: ({ group, ring }) => (
      <>
        {group ?? '–'}
        <span class="sub">ring {ring}</span>
      </>
    ),
  },
  { title: 'Last seen', sort: 'seen', cell: ({ lastSeenAt }) => <Since at={lastSeenAt} /> },
];

export function MachineList() {
  const session = useSession();
  const { params } = useAddress();
  const filter = Object.fromEntries(FILTERS.map((name) => [name, params.get(name) ?? undefined]));
  const filterText = queryOf(filter);
  const sort = params.get('sort') ?? 'name';
  const order = params.get('order') ?? 'asc';
  const pages = usePages(`${filterText} ${sort} ${order}`);
  const query = useQuery<MachinePage>(
    `/machines${queryOf({ ...filter, sort, order, after: pages.after, limit: PER_PAGE })}`,
    ['machines'],
  );
  const groups = useQuery<{ groups: readonly Group[] }>('/groups');
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => setSelected(new Set()), [filterText]);
  const change = (ids: readonly string[], on: boolean): void => {
    const next = new Set(selected);
    for (const id of ids) {
      if (on) next.add(id);
      else next.delete(id);
    }
    setSelected(next);
  };
  const groupNames = groups.data?.groups.map(({ name }) => name) ?? [];
  return (
    <section class="panel" aria-label="List of machines">
      <MachineFilters groups={groupNames} />
      <Loaded query={query}>
        {({ machines, total, next }) => (
          <>
            {selected.size > 0 && (
              <BulkActions
                selected={selected}
                total={total}
                filter={filter}
                groups={groupNames}
                onSelect={(ids) => setSelected(new Set(ids))}
              />
            )}
            {machines.length === 0 ? (
              <Nothing filtered={filterText !== ''} />
            ) : (
              <Table
                caption="Machines"
                columns={COLUMNS}
                rows={machines}
                rowKey={({ machine }) => machine}
                order={{
                  sort,
                  descending: order === 'desc',
                  onOrder: (by, descending) =>
                    setParams({ sort: by, order: descending ? 'desc' : null, after: null }),
                }}
                selection={
                  session.can('machines')
                    ? {
                        has: ({ machine }) => selected.has(machine),
                        toggle: ({ machine }, on) => change([machine], on),
                        toggleAll: (on) =>
                          change(
                            machines.map(({ machine }) => machine),
                            on,
                          ),
                        nameOf: (row) => `Select ${nameOf(row)}`,
                      }
                    : undefined
                }
              />
            )}
            <Pager pages={pages} next={next}>
              {countText(total)} {total === 1 ? 'machine' : 'machines'}
              {filterText !== '' && ' match'}
              {total > PER_PAGE &&
                `, ${countText(pages.turned * PER_PAGE + 1)} to ${countText(pages.turned * PER_PAGE + machines.length)}`}
            </Pager>
          </>
        )}
      </Loaded>
    </section>
  );
}

function Nothing({ filtered }: { readonly filtered: boolean }) {
  if (filtered)
    return (
      <Empty title="No machine matches">
        <a href="/">Show all machines</a>
      </Empty>
    );
  return (
    <Empty title="No machines yet">
      <a href="/start">Getting started</a> leads to the first protected machine.
    </Empty>
  );
}
