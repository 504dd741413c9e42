// Events whose email nobody has registered (EF-2), and what can be done about them by hand.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { change, Problem, query, refresh, useResource } from '../../api';
import { count, momentText, nameOf } from '../../format';
import { usePages } from '../../pages';
import type { Email, OrphanEvent, Page } from '../../types';
import { DataTable, type Column } from '../../ui/DataTable';
import { Confirm, Dialog, useSubmit } from '../../ui/Dialog';
import { FormEnd } from '../../ui/Ends';
import { Input } from '../../ui/Field';
import { Csv, More } from '../../ui/More';
import { Empty, Panel } from '../../ui/Panel';
import { Small } from '../../ui/Small';
import { Time } from '../../ui/Time';
import { eventWord } from '../../vocabulary';

// What an event that finds its email changes.
function changed(): void {
  for (const list of ['/orphan-events?', '/emails', '/candidates', '/engagement', '/audit-log']) refresh(list);
}

const foundWords = (adopted: number): string => (adopted === 0 ? 'Its email is not registered yet' : adopted === 1 ? 'It is counted now' : `It is counted now, with ${count(adopted - 1)} more`);

function Match({ orphan, onClose, onDone }: { orphan: OrphanEvent; onClose: () => void; onDone: (words: string) => void }): JSX.Element {
  const [search, setSearch] = useState('');
  const [chosen, setChosen] = useState<number | null>(null);
  const emails = useResource<Page<Email>>(`/orphan-events/${orphan.id}/emails${query({ search })}`);
  const { busy, problem, submit } = useSubmit(async () => {
    if (chosen === null) throw new Problem(0, 'Nothing chosen', 'Choose the email that it is about.');
    const { adopted } = await change<{ adopted: number }>('POST', `/orphan-events/${orphan.id}/match`, { email_id: chosen });
    changed();
    onDone(foundWords(adopted));
    onClose();
  });
  return (
    <Dialog title="Which email is it about?" onClose={onClose}>
      <form class="form" onSubmit={submit}>
        <p>{eventWord(orphan.event_type)}, {momentText(orphan.occurred_at)}{orphan.recipient ? `, of ${orphan.recipient}` : ''}</p>
        <Input label="Find by subject, recipient or message id" maxLength={200} value={search} onChange={(event) => { setSearch(event.currentTarget.value.trim()); setChosen(null); }} hint="Empty: emails to the same recipient. Of those sent up to a day after it." />
        <Panel of={emails} height={120}>
          {({ data }) =>
            data.length === 0 ? <p class="sub" role="status">No email fits.</p> : (
              <fieldset class="stack" style={{ border: 0, padding: 0, margin: 0, gap: '8px' }}>
                <legend class="hidden-text">Emails</legend>
                {data.map((email) => (
                  <label key={email.id} class="check">
                    <input type="radio" name="email" checked={chosen === email.id} onChange={() => setChosen(email.id)} />
                    <span class="two-lines"><span>{email.subject ?? 'No subject'}</span><span class="small muted">{email.candidate ? nameOf(email.candidate) : 'Erased'}, sent {momentText(email.sent_at)}</span></span>
                  </label>
                ))}
              </fieldset>
            )
          }
        </Panel>
        <p class="small muted">Everything under the same message id is counted with this email, now and later. This cannot be taken back.</p>
        <FormEnd busy={busy} problem={problem} label="It is this one" disabled={chosen === null} onClose={onClose} />
      </form>
    </Dialog>
  );
}

export function Orphans(): JSX.Element {
  const pages = usePages<OrphanEvent>('/orphan-events?limit=100');
  const [matching, setMatching] = useState<OrphanEvent | null>(null);
  const [discarding, setDiscarding] = useState<OrphanEvent | null>(null);
  const [words, setWords] = useState('');
  const retry = (row: OrphanEvent): void => {
    setWords('');
    change<{ adopted: number }>('POST', `/orphan-events/${row.id}/retry`)
      .then(({ adopted }) => {
        setWords(foundWords(adopted));
        if (adopted > 0) changed();
      })
      .catch((problem: Problem) => setWords(problem.detail));
  };
  const name = (row: OrphanEvent): JSX.Element => <span class="hidden-text"> {row.message_ids[0] ?? `event ${row.id}`}</span>;
  const columns: Column<OrphanEvent>[] = [
    { key: 'type', label: 'Event', head: true, cell: (row) => eventWord(row.event_type) },
    { key: 'ids', label: 'Looked for under', cell: (row) => <span class="mono">{row.message_ids.join(', ') || '–'}</span> },
    { key: 'recipient', label: 'Recipient', cell: (row) => row.recipient ?? '–' },
    { key: 'at', label: 'Happened', fit: true, cell: (row) => <Time at={row.occurred_at} as="short" /> },
    { key: 'received', label: 'Received', fit: true, wide: true, cell: (row) => <Time at={row.received_at} /> },
    { key: 'actions', label: '', fit: true, cell: (row) => (
      <span class="row" style={{ gap: '4px' }}>
        <Small onClick={() => setMatching(row)}>Match{name(row)}</Small>
        <Small onClick={() => retry(row)}>Retry{name(row)}</Small>
        <Small tone="danger" onClick={() => setDiscarding(row)}>Discard{name(row)}</Small>
      </span>
    ) },
  ];
  return (
    <>
      <div class="head">
        <p class="sub">Events whose email is not registered. When it is, they are counted at once, as if they had come after. Many of them mean that a system sends emails without registering them.</p>
        <Csv path="/orphan-events?limit=500" name="orphan-events" />
      </div>
      <p role="status" class="small">{words}</p>
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
      {matching && <Match orphan={matching} onClose={() => setMatching(null)} onDone={setWords} />}
      {discarding && (
        <Confirm title="Discard this event?" label="Discard" onClose={() => setDiscarding(null)} action={async () => { await change('POST', `/orphan-events/${discarding.id}/discard`); setWords('Discarded'); changed(); }}>
          <p>{eventWord(discarding.event_type)}, {momentText(discarding.occurred_at)}. It will be counted nowhere. This cannot be taken back.</p>
        </Confirm>
      )}
    </>
  );
}
