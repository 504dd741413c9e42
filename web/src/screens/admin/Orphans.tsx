// Events whose email nobody has registered (EF-2).
import type { JSX } from 'preact';
import { count } from '../../format';
import { usePages } from '../../pages';
import type { OrphanEvent } from '../../types';
import { DataTable, type Column } from '../../ui/DataTable';
import { Csv, More } from '../../ui/More';
import { Empty, Panel } from '../../ui/Panel';
import { Time } from '../../ui/Time';
import { eventWord } from '../../ui/Timeline';

const columns: Column<OrphanEvent>[] = [
  { key: 'type', label: 'Event', head: true, cell: (row) => eventWord(row.event_type) },
  { key: 'ids', label: 'Looked for under', cell: (row) => <span class="mono">{row.message_ids.join(', ') || '–'}</span> },
  { key: 'recipient', label: 'Recipient', cell: (row) => row.recipient ?? '–' },
  { key: 'at', label: 'Happened', fit: true, cell: (row) => <Time at={row.occurred_at} as="short" /> },
  { key: 'received', label: 'Received', fit: true, wide: true, cell: (row) => <Time at={row.received_at} /> },
];

export function Orphans(): JSX.Element {
  const pages = usePages<OrphanEvent>('/orphan-events');
  return (
    <>
      <div class="head">
        <p class="sub">Events whose email is not registered. When it is, they are counted at once, as if they had come after. Many of them mean that a system sends emails without registering them.</p>
        <Csv path="/orphan-events?limit=500" name="orphan-events" />
      </div>
      <section class="card card-flush" aria-label="Orphan events">
        <Panel of={pages} height={240}>
          {(rows) =>
            rows.length === 0 ? <Empty title="None: every event found its email" /> : (
              <>
                <DataTable stacked label="Orphan events" columns={columns} rows={rows} rowKey={({ id }) => id} />
                <More pages={pages} shown={`${count(rows.length)} shown, the newest first`} />
              </>
            )
          }
        </Panel>
      </section>
    </>
  );
}
