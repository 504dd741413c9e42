// A table: sorted by its headers, scrolled in itself when it is wider than the page.
import type { ComponentChildren, JSX } from 'preact';
import { Icon } from './Icon';

export interface Column<T> {
  key: string;
  label: string;
  title?: string;
  number?: boolean;
  fit?: boolean;
  wide?: boolean; // left out on narrow screens
  head?: boolean; // names the row
  sort?: (row: T) => number | string | null;
  cell: (row: T) => ComponentChildren;
}

export interface Sorting {
  key: string;
  down: boolean;
}

interface DataTableProps<T> {
  label: string;
  columns: Column<T>[];
  rows: T[];
  rowKey: (row: T) => string | number;
  stacked?: boolean; // of words rather than figures: on narrow screens each row is a block
  sorting?: Sorting;
  onSort?: (sorting: Sorting) => void;
}

// What is not there comes last, whichever way it is sorted.
export function sortRows<T>(rows: T[], columns: Column<T>[], sorting: Sorting): T[] {
  const by = columns.find(({ key }) => key === sorting.key)?.sort;
  if (!by) return rows;
  const sign = sorting.down ? -1 : 1;
  return [...rows].sort((a, b) => {
    const x = by(a), y = by(b);
    if (x === null || y === null) return x === y ? 0 : x === null ? 1 : -1;
    if (typeof x === 'string' && typeof y === 'string') return sign * x.localeCompare(y, 'en', { sensitivity: 'base', numeric: true });
    return sign * (Number(x) - Number(y));
  });
}

export function DataTable<T>({ label, columns, rows, rowKey, stacked = false, sorting, onSort }: DataTableProps<T>): JSX.Element {
  const classes = (column: Column<T>) => [column.number && 'num', column.fit && 'fit', column.wide && 'wide'].filter(Boolean).join(' ');
  return (
    <div class="scroll" role="group" aria-label={label} tabIndex={0}>
      <table class={stacked ? 'stacked' : ''} role={stacked ? 'table' : undefined}>
        <thead role={stacked ? 'rowgroup' : undefined}>
          <tr role={stacked ? 'row' : undefined}>
            {columns.map((column) => {
              const sorted = sorting?.key === column.key;
              const toggle = () => onSort!({ key: column.key, down: sorted ? !sorting.down : column.number === true });
              return (
                <th key={column.key} scope="col" role={stacked ? 'columnheader' : undefined} class={classes(column)} title={column.title} aria-sort={sorted ? (sorting.down ? 'descending' : 'ascending') : undefined}>
                  {column.sort && onSort ? (
                    <button type="button" onClick={toggle}>
                      {column.label}
                      <span class="arrow">{sorted && <Icon name={sorting.down ? 'down' : 'up'} size={9} />}</span>
                    </button>
                  ) : column.label || <span class="hidden-text">Actions</span>}
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody role={stacked ? 'rowgroup' : undefined}>
          {rows.map((row) => (
            <tr key={rowKey(row)} data-row role={stacked ? 'row' : undefined}>
              {columns.map((column) =>
                column.head ? <th key={column.key} scope="row" role={stacked ? 'rowheader' : undefined} class={classes(column)}>{column.cell(row)}</th> : <td key={column.key} role={stacked ? 'cell' : undefined} data-label={stacked ? column.label : undefined} class={classes(column)}>{column.cell(row)}</td>,
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
