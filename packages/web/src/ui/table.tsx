// A table that is read on a telephone too: there each row is a block, and each cell says what it is.

import type { ComponentChildren, TargetedKeyboardEvent } from 'preact';

export interface Column<T> {
  readonly title: string;
  readonly cell: (row: T) => ComponentChildren;
  readonly numeric?: boolean;
  /** Left out where there is little room. */
  readonly minor?: boolean;
  /** The list can be ordered by it: what the server calls that. */
  readonly sort?: string;
}

export interface Order {
  readonly sort: string;
  readonly descending: boolean;
  readonly onOrder: (sort: string, descending: boolean) => void;
}

export interface TableProps<T> {
  readonly caption: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly rowKey: (row: T) => string;
  readonly selection?: Selection<T> | undefined;
  readonly order?: Order;
}

export interface Selection<T> {
  readonly has: (row: T) => boolean;
  readonly toggle: (row: T, on: boolean) => void;
  readonly toggleAll: (on: boolean) => void;
  readonly nameOf: (row: T) => string;
}

export function Table<T>({ caption, columns, rows, rowKey, selection, order }: TableProps<T>) {
  const all = selection !== undefined && rows.length > 0 && rows.every(selection.has);
  const some = selection !== undefined && rows.some(selection.has);
  return (
    <div class="table-scroll">
      <table>
        <caption class="hidden">{caption}</caption>
        <thead>
          <tr>
            {selection !== undefined && (
              <th scope="col" class="check">
                <input
                  type="checkbox"
                  aria-label="All of this page"
                  checked={all}
                  indeterminate={some && !all}
                  onChange={(event) => selection.toggleAll(event.currentTarget.checked)}
                />
              </th>
            )}
            {columns.map(({ title, numeric, minor, sort }) => (
              <th
                key={title}
                scope="col"
                class={classOf(numeric, minor)}
                aria-sort={sort !== undefined && sort === order?.sort ? directionOf(order) : undefined}
              >
                {sort === undefined || order === undefined ? (
                  title
                ) : (
                  <>
                    <SortButton {...{ title, sort, order }} />
                    <span class="head-text">{title}</span>
                  </>
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody onKeyDown={moveBetweenRows}>
          {rows.map((row) => (
            <tr key={rowKey(row)} data-selected={selection?.has(row) === true ? '' : undefined}>
              {selection !== undefined && (
                <td class="check">
                  <input
                    type="checkbox"
                    aria-label={selection.nameOf(row)}
                    checked={selection.has(row)}
                    onChange={(event) => selection.toggle(row, event.currentTarget.checked)}
                  />
                </td>
              )}
              {columns.map(({ title, cell, numeric, minor }) => (
                <td key={title} data-label={title} class={classOf(numeric, minor)}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function directionOf({ descending }: Order) {
  return descending ? 'descending' : 'ascending';
}

function SortButton({
  title,
  sort,
  order,
}: {
  readonly title: string;
  readonly sort: string;
  readonly order: Order;
}) {
  const isOwn = order.sort === sort;
  return (
    <button
      type="button"
      class="sort"
      title={`Order by ${title.toLowerCase()}`}
      onClick={() => order.onOrder(sort, isOwn && !order.descending)}
    >
      {title}
      <span class="arrow" aria-hidden="true">
        {isOwn ? (order.descending ? '↓' : '↑') : ''}
      </span>
    </button>
  );
}

function classOf(numeric: boolean | undefined, minor: boolean | undefined): string | undefined {
  const names = [numeric === true ? 'numeric' : '', minor === true ? 'minor' : ''];
  return names.filter((name) => name !== '').join(' ') || undefined;
}

/** Up and down go from row to row, on the same kind of control. */
function moveBetweenRows(event: TargetedKeyboardEvent<HTMLTableSectionElement>): void {
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
  if (step === 0 || !(event.target instanceof HTMLElement)) return;
  if (event.target.closest('select, textarea') !== null) return;
  const row = event.target.closest('tr');
  const cell = event.target.closest('td');
  if (row === null || cell === null) return;
  const next = step > 0 ? row.nextElementSibling : row.previousElementSibling;
  const beside = next?.children[[...row.children].indexOf(cell)];
  const target = beside?.querySelector<HTMLElement>('a, input, button');
  if (target === null || target === undefined) return;
  event.preventDefault();
  target.focus();
}

/** Focus on the first row, for a key that is pressed anywhere. */
export function focusFirstRow(): void {
  document.querySelector<HTMLElement>('main tbody a, main tbody button')?.focus();
}
