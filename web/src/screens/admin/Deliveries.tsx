// Webhook requests that were refused. They are kept, so that nothing is lost when the cause is put right.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { change, query, refresh, useResource, Problem } from '../../api';
import { count } from '../../format';
import { usePages } from '../../pages';
import { choice, readQuery, setQuery, text } from '../../router';
import type { Delivery } from '../../types';
import { DataTable, type Column } from '../../ui/DataTable';
import { Dialog, Refusal, useSubmit } from '../../ui/Dialog';
import { Done } from '../../ui/Ends';
import { Select } from '../../ui/Field';
import { Filters } from '../../ui/Filters';
import { Csv, More } from '../../ui/More';
import { Empty, Panel } from '../../ui/Panel';
import { Small } from '../../ui/Small';
import { Time } from '../../ui/Time';

const parameters = { kind: choice('', 'failed', 'rejected'), state: choice('', 'kept', 'replayed', 'given_up'), endpoint: text('', 20) };
const kinds: Record<string, string> = { failed: 'Unreadable', rejected: 'Refused' };
const states: Record<string, [string, string]> = { kept: ['Waits', 'warn'], replayed: ['Processed', 'good'], given_up: ['Given up', 'bad'] };

function Replay({ delivery }: { delivery: Delivery }): JSX.Element {
  const [words, setWords] = useState('');
  const [busy, setBusy] = useState(false);
  const replay = (): void => {
    setBusy(true);
    setWords('');
    change<Delivery>('POST', `/failed-deliveries/${delivery.id}/replay`)
      .then((result) => {
        setWords(result.state === 'replayed' ? 'Processed' : (result.last_error ?? 'Still refused'));
        refresh('/failed-deliveries');
      })
      .catch((problem: Problem) => setWords(problem.detail))
      .finally(() => setBusy(false));
  };
  return (
    <span class="row">
      {delivery.replayable && delivery.state !== 'replayed' && <Small disabled={busy} onClick={replay}>{busy ? 'Processing …' : 'Process again'}</Small>}
      <span class="small muted" role="status">{words}</span>
    </span>
  );
}

function Raw({ id, onClose }: { id: number; onClose: () => void }): JSX.Element {
  const delivery = useResource<Delivery>(`/failed-deliveries/${id}`);
  return (
    <Dialog title={`Delivery ${id}`} onClose={onClose}>
      <Panel of={delivery} height={200}>
        {(data) => (
          <div class="stack">
            <p>{data.reason}</p>
            <h3>Headers</h3>
            <pre class="mono" tabIndex={0}>{Object.entries(data.headers ?? {}).map(([name, value]) => `${name}: ${value}`).join('\n') || 'None kept'}</pre>
            <h3>Body, {count(data.body_size)} bytes</h3>
            <pre class="mono" tabIndex={0}>{data.body || 'Empty'}</pre>
          </div>
        )}
      </Panel>
      <Done label="Close" onClose={onClose} />
    </Dialog>
  );
}

export function Deliveries(): JSX.Element {
  const values = readQuery(parameters);
  const pages = usePages<Delivery>(`/failed-deliveries${query({ kind: values.kind, state: values.state, endpoint: /^\d+$/.test(values.endpoint) ? values.endpoint : '' })}`);
  const [raw, setRaw] = useState<number | null>(null);
  const [words, setWords] = useState('');
  const waiting = (pages.data ?? []).filter((row) => row.replayable && row.state !== 'replayed');
  // One after the other, each with its own answer.
  const all = useSubmit(async () => {
    let good = 0;
    for (const [index, { id }] of waiting.entries()) {
      setWords(`Processing ${index + 1} of ${waiting.length} …`);
      good += Number((await change<Delivery>('POST', `/failed-deliveries/${id}/replay`)).state === 'replayed');
    }
    setWords(`${count(good)} of ${count(waiting.length)} processed`);
    refresh('/failed-deliveries');
  });
  const columns: Column<Delivery>[] = [
    { key: 'received', label: 'Received', fit: true, head: true, cell: (row) => <Time at={row.received_at} as="short" /> },
    { key: 'kind', label: 'Kind', fit: true, cell: (row) => kinds[row.kind] ?? row.kind },
    { key: 'reason', label: 'Reason', cell: (row) => <span class="two-lines"><span>{row.reason}</span>{row.last_error && row.last_error !== row.reason && <span class="small muted">{row.last_error}</span>}</span> },
    { key: 'state', label: 'State', fit: true, cell: (row) => <span class={`chip ${states[row.state]?.[1] ?? ''}`}>{states[row.state]?.[0] ?? row.state}</span> },
    { key: 'tries', label: 'Tries', number: true, wide: true, cell: (row) => count(row.attempts) },
    { key: 'next', label: 'Next try', fit: true, wide: true, cell: (row) => <Time at={row.next_attempt_at} /> },
    { key: 'actions', label: '', cell: (row) => <span class="row"><Small of={`at delivery ${row.id}`} onClick={() => setRaw(row.id)}>Look</Small><Replay delivery={row} /></span> },
  ];
  return (
    <>
      <div class="head">
        <p class="sub">Requests of email services that could not be taken. They are tried again by themselves; after you corrected a key, process them at once. That somebody looks at one is noted in the audit log.</p>
        <div class="row">
          <button type="button" class="button" disabled={all.busy || waiting.length === 0} onClick={() => all.submit()}>Process all shown</button>
          <Csv path={`/failed-deliveries${query({ kind: values.kind, state: values.state, endpoint: /^\d+$/.test(values.endpoint) ? values.endpoint : '', limit: 500 })}`} name="failed-deliveries" />
        </div>
      </div>
      <p role="status" class="small">{words}</p>
      <Refusal problem={all.problem} />
      <Filters>
        <Select label="Kind" value={values.kind} options={[['', 'All kinds'], ['failed', 'Signed, but unreadable'], ['rejected', 'Signature, credentials or source']]} onChange={(kind) => setQuery({ kind })} />
        <Select label="State" value={values.state} options={[['', 'All states'], ['kept', 'Waits'], ['replayed', 'Processed'], ['given_up', 'Given up']]} onChange={(state) => setQuery({ state })} />
        {values.endpoint && <button type="button" class="button" onClick={() => setQuery({ endpoint: '' })}>Of one endpoint <span aria-hidden="true">×</span><span class="hidden-text">: show all</span></button>}
      </Filters>
      <section class="card card-flush" aria-label="Failed deliveries">
        <Panel of={pages} height={240}>
          {(rows) =>
            rows.length === 0 ? <Empty title={values.kind || values.state || values.endpoint ? 'No delivery fits' : 'None: every delivery was taken'} /> : (
              <>
                <DataTable stacked label="Failed deliveries" columns={columns} rows={rows} rowKey={({ id }) => id} />
                <More pages={pages} shown={`${count(rows.length)} shown, the newest first`} />
              </>
            )
          }
        </Panel>
      </section>
      {raw !== null && <Raw id={raw} onClose={() => setRaw(null)} />}
    </>
  );
}
