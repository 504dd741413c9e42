// Webhooks: other systems that are told of what happens, and how that goes.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { change, query, refresh, useResource, type Problem } from '../../api';
import { count, duration } from '../../format';
import { usePages } from '../../pages';
import { choice, readQuery, setQuery, text } from '../../router';
import type { Page, WebhookDelivery, WebhookSubscription } from '../../types';
import { DataTable, type Column } from '../../ui/DataTable';
import { Confirm, Dialog, useSubmit } from '../../ui/Dialog';
import { Done, FormEnd } from '../../ui/Ends';
import { Facts } from '../../ui/Facts';
import { Check, Input, Select } from '../../ui/Field';
import { Filters } from '../../ui/Filters';
import { More } from '../../ui/More';
import { Empty, Panel } from '../../ui/Panel';
import { Small } from '../../ui/Small';
import { Time } from '../../ui/Time';
import { Copy } from './Copy';

const PATH = '/webhook-subscriptions';
const events: [string, string][] = [
  ['email.opened', 'Opened, by a person'], ['email.clicked', 'Clicked, by a person'], ['email.replied', 'Replied'], ['email.delivered', 'Delivered'], ['email.bounced', 'Bounced'],
  ['email.dropped', 'Dropped by the service'], ['email.unsubscribed', 'Unsubscribed'], ['email.complained', 'Complained of as spam'], ['email.event_withdrawn', 'Taken back'],
  ['candidate.level_changed', 'Engagement level changed'], ['candidate.tracking_withdrawn', 'Consent withdrawn'],
];
const usual = ['email.opened', 'email.clicked', 'email.replied', 'email.bounced', 'email.unsubscribed', 'email.complained', 'email.event_withdrawn', 'candidate.tracking_withdrawn'];
const states: Record<string, [string, string]> = { waiting: ['Waits', 'warn'], delivered: ['Delivered', 'good'], given_up: ['Given up', 'bad'], withheld: ['Withheld', ''] };
const parameters = { of: text('', 20), state: choice('', 'waiting', 'delivered', 'given_up', 'withheld') };
const nameOf = ({ description, url }: WebhookSubscription): string => description || url.replace(/^https?:\/\//, '').replace(/\/.*/, '');

function Secret({ secret, onClose }: { secret: string; onClose: () => void }): JSX.Element {
  return (
    <Dialog title="Copy the secret now" onClose={() => undefined}>
      <p>This is the only time it is shown. The other system checks with it that requests come from here.</p>
      <Copy text={secret} label="Secret" />
      <Done label="I have it" onClose={onClose} />
    </Dialog>
  );
}

function Form({ webhook, onClose }: { webhook: WebhookSubscription | null; onClose: () => void }): JSX.Element {
  const [url, setUrl] = useState(webhook?.url ?? '');
  const [description, setDescription] = useState(webhook?.description ?? '');
  const [wanted, setWanted] = useState<string[]>(webhook?.events ?? usual);
  const [secret, setSecret] = useState('');
  const { busy, problem, submit } = useSubmit(async () => {
    const body = { url: url.trim(), description: description.trim(), events: wanted };
    if (webhook) await change('PATCH', `${PATH}/${webhook.id}`, body);
    else setSecret((await change<WebhookSubscription & { secret: string }>('POST', PATH, body)).secret);
    refresh(PATH);
    if (webhook) onClose();
  });
  if (secret) return <Secret secret={secret} onClose={onClose} />;
  return (
    <Dialog title={webhook ? 'Change the webhook' : 'New webhook'} onClose={onClose}>
      <form class="form" onSubmit={submit}>
        <Input label="Address" required maxLength={2000} placeholder="https://ats.example.org/hooks/inkling" value={url} onInput={(event) => setUrl(event.currentTarget.value)} />
        <Input label="What it is for" maxLength={200} placeholder="Applicant tracking system" value={description} onInput={(event) => setDescription(event.currentTarget.value)} />
        <fieldset style={{ border: 0, padding: 0, margin: 0 }}>
          <legend class="small" style={{ padding: 0 }}>What it is told</legend>
          {events.map(([key, words]) => <Check key={key} label={words} checked={wanted.includes(key)} onChange={(event) => setWanted(event.currentTarget.checked ? [...wanted, key] : wanted.filter((one) => one !== key))} />)}
        </fieldset>
        <FormEnd busy={busy} problem={problem} label={webhook ? 'Save' : 'Make the webhook'} onClose={onClose} />
      </form>
    </Dialog>
  );
}

function Rotate({ webhook, onClose }: { webhook: WebhookSubscription; onClose: () => void }): JSX.Element {
  const [hours, setHours] = useState('24');
  const [secret, setSecret] = useState('');
  const { busy, problem, submit } = useSubmit(async () => {
    setSecret((await change<{ secret: string }>('POST', `${PATH}/${webhook.id}/secret`, { overlap_hours: Number(hours) })).secret);
    refresh(PATH);
  });
  if (secret) return <Secret secret={secret} onClose={onClose} />;
  return (
    <Dialog title="Make a new secret?" onClose={onClose}>
      <form class="form" onSubmit={submit}>
        <p>Requests then carry a signature by the new secret and, for a while, one by the old.</p>
        <Select label="The old one signs too" value={hours} options={[['24', 'For a day'], ['168', 'For a week'], ['0', 'Not any more: it became known']]} onChange={setHours} />
        <FormEnd busy={busy} problem={problem} label="Make the secret" onClose={onClose} />
      </form>
    </Dialog>
  );
}

// A call with a word on what came of it.
function Action({ label, of, call }: { label: string; of: string; call: () => Promise<string> }): JSX.Element {
  const [words, setWords] = useState('');
  const [busy, setBusy] = useState(false);
  const act = (): void => {
    setBusy(true);
    call().then(setWords, (problem: Problem) => setWords(problem.detail)).finally(() => setBusy(false));
  };
  return (
    <>
      <Small of={of} disabled={busy} onClick={act}>{label}</Small>
      <span class="small muted" role="status">{words}</span>
    </>
  );
}

function Look({ path, onClose }: { path: string; onClose: () => void }): JSX.Element {
  const delivery = useResource<WebhookDelivery>(path);
  return (
    <Dialog title="Delivery" onClose={onClose}>
      <Panel of={delivery} height={200}>
        {(data) => (
          <div class="stack">
            <p class="mono">{data.message_id}</p>
            <h3>Last answer</h3>
            <p>{data.attempts === 0 ? 'Not sent yet' : `${data.last_status ?? 'None'}, after ${duration((data.last_duration_ms ?? 0) / 1000)}`}{data.last_error && `: ${data.last_error}`}</p>
            {data.last_answer && <pre class="mono" tabIndex={0}>{data.last_answer}</pre>}
            <h3>What it says</h3>
            {data.payload ? <pre class="mono" tabIndex={0}>{JSON.stringify(data.payload, null, 2)}</pre> : <p>It may not be told any more.</p>}
          </div>
        )}
      </Panel>
      <Done label="Close" onClose={onClose} />
    </Dialog>
  );
}

function Deliveries({ webhook, state }: { webhook: WebhookSubscription; state: string }): JSX.Element {
  const path = `${PATH}/${webhook.id}/deliveries`;
  const pages = usePages<WebhookDelivery>(path + query({ state }));
  const [look, setLook] = useState<number | null>(null);
  const again = async (id: number): Promise<string> => {
    await change('POST', `${path}/${id}/redeliver`);
    refresh(PATH);
    return 'On its way';
  };
  const columns: Column<WebhookDelivery>[] = [
    { key: 'happened', label: 'Happened', fit: true, head: true, cell: (row) => <Time at={row.occurred_at} as="short" /> },
    { key: 'type', label: 'What', cell: (row) => <span class="two-lines"><span class="mono">{row.type}</span>{row.last_error && <span class="small muted">{row.last_status ? `${row.last_status}: ` : ''}{row.last_error}</span>}</span> },
    { key: 'state', label: 'State', fit: true, cell: (row) => <span class={`chip ${states[row.state]?.[1] ?? ''}`}>{states[row.state]?.[0] ?? row.state}</span> },
    { key: 'tries', label: 'Tries', number: true, wide: true, cell: (row) => count(row.attempts) },
    { key: 'next', label: 'Next try', fit: true, wide: true, cell: (row) => <Time at={row.next_attempt_at} as="short" /> },
    { key: 'actions', label: '', cell: (row) => <span class="row"><Small of={`at delivery ${row.id}`} onClick={() => setLook(row.id)}>Look</Small>{row.state !== 'withheld' && webhook.state !== 'disabled' && <Action label="Send again" of={`delivery ${row.id}`} call={() => again(row.id)} />}</span> },
  ];
  return (
    <>
      <p class="row"><button type="button" class="link" onClick={() => setQuery({ of: '', state: '' })}>All webhooks</button></p>
      <h2>Deliveries to {nameOf(webhook)}</h2>
      <Filters>
        <Select label="State" value={state} options={[['', 'All states'], ...Object.entries(states).map(([key, [words]]): [string, string] => [key, words])]} onChange={(value) => setQuery({ state: value })} />
        <button type="button" class="button" onClick={() => refresh(path)}>Look again</button>
      </Filters>
      <section class="card card-flush" aria-label="Deliveries">
        <Panel of={pages} height={240}>
          {(rows) =>
            rows.length === 0 ? <Empty title={state ? 'No delivery fits' : 'Nothing was sent yet'} /> : (
              <>
                <DataTable stacked label="Deliveries" columns={columns} rows={rows} rowKey={({ id }) => id} />
                <More pages={pages} shown={`${count(rows.length)} shown, the newest first`} />
              </>
            )
          }
        </Panel>
      </section>
      {look !== null && <Look path={`${path}/${look}`} onClose={() => setLook(null)} />}
    </>
  );
}

function chip({ state, failing_since: failing }: WebhookSubscription): [string, string] {
  return state === 'disabled' ? ['Disabled', 'bad'] : state === 'paused' ? ['Paused', ''] : failing ? ['Fails', 'warn'] : ['Active', 'good'];
}

export function Webhooks(): JSX.Element {
  const values = readQuery(parameters);
  const list = useResource<Page<WebhookSubscription>>(`${PATH}?limit=50`);
  const [editing, setEditing] = useState<WebhookSubscription | 'new' | null>(null);
  const [rotating, setRotating] = useState<WebhookSubscription | null>(null);
  const [ending, setEnding] = useState<WebhookSubscription | null>(null);
  const shown = values.of ? list.data?.data.find(({ id }) => String(id) === values.of) : undefined;
  if (shown) return <Deliveries webhook={shown} state={values.state} />;
  const set = async (webhook: WebhookSubscription, state: string): Promise<string> => {
    await change('PATCH', `${PATH}/${webhook.id}`, { state });
    refresh(PATH);
    return '';
  };
  const test = async (webhook: WebhookSubscription): Promise<string> => {
    await change('POST', `${PATH}/${webhook.id}/test`);
    refresh(PATH);
    return 'On its way: see its deliveries';
  };
  return (
    <>
      <div class="head">
        <p class="sub">Other systems that are told of what happens, by signed requests. What they do not take is repeated for a day.</p>
        <button type="button" class="button primary" onClick={() => setEditing('new')}>New webhook</button>
      </div>
      <Panel of={list} height={240}>
        {({ data }) =>
          data.length === 0 ? (
            <div class="card"><Empty title="No webhook yet"><p>Make one with the address of the other system; what happens from then on is sent there.</p></Empty></div>
          ) : (
            <div class="stack">
              {data.map((webhook) => {
                const [words, tone] = chip(webhook);
                const name = nameOf(webhook);
                return (
                  <section key={webhook.id} class="card stack" style={{ gap: '12px' }} aria-label={name}>
                    <header style={{ margin: 0 }}>
                      <div style={{ minWidth: 0 }}>
                        <h2>{name}</h2>
                        <span class="small muted mono" style={{ overflowWrap: 'anywhere' }}>{webhook.url}</span>
                      </div>
                      <span class={`chip ${tone}`}>{words}</span>
                    </header>
                    {webhook.state === 'disabled' && <p class="notice bad">Disabled because {webhook.state_reason ?? 'it did not work'}. Put it right there, then resume it here: what waits is sent then.</p>}
                    <Facts small of={[
                      ['Told', webhook.events.length === events.length ? 'Everything' : webhook.events.map((key) => events.find(([one]) => one === key)?.[1] ?? key).join(' · ')],
                      ['Waits', count(webhook.waiting)],
                      !!webhook.failing_since && ['Fails since', <Time at={webhook.failing_since} />],
                      webhook.dropped > 0 && ['Lost, too many waited', <>{count(webhook.dropped)}, <Time at={webhook.dropped_at} /></>],
                      !!webhook.former_secret_until && ['Old secret signs until', <Time at={webhook.former_secret_until} as="short" />],
                    ]} />
                    <div class="row">
                      <Small of={`to ${name}`} onClick={() => setQuery({ of: String(webhook.id) })}>Deliveries</Small>
                      {webhook.state === 'active' && <Action label="Send a test" of={`to ${name}`} call={() => test(webhook)} />}
                      {webhook.state === 'active' ? <Action label="Pause" of={name} call={() => set(webhook, 'paused')} /> : <Action label="Resume" of={name} call={() => set(webhook, 'active')} />}
                      <Small of={name} onClick={() => setEditing(webhook)}>Change</Small>
                      <Small of={`for ${name}`} onClick={() => setRotating(webhook)}>New secret</Small>
                      <Small tone="danger" of={name} onClick={() => setEnding(webhook)}>Delete</Small>
                    </div>
                  </section>
                );
              })}
            </div>
          )
        }
      </Panel>
      {editing && <Form webhook={editing === 'new' ? null : editing} onClose={() => setEditing(null)} />}
      {rotating && <Rotate webhook={rotating} onClose={() => setRotating(null)} />}
      {ending && (
        <Confirm title="Delete this webhook?" label="Delete" onClose={() => setEnding(null)} action={async () => { await change('DELETE', `${PATH}/${ending.id}`); refresh(PATH); }}>
          <p>{nameOf(ending)} is told nothing any more; {ending.waiting > 0 ? `${count(ending.waiting)} deliveries that wait are lost. ` : ''}This cannot be taken back.</p>
        </Confirm>
      )}
    </>
  );
}
