// What is recorded of readers, and who said what about it (BR-558.1, BR-558.8).
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { change, query, refresh, useResource } from '../../api';
import { count } from '../../format';
import { thing } from '../../links';
import { usePages } from '../../pages';
import { readQuery, setQuery, text } from '../../router';
import type { Answer, Level, Settings } from '../../types';
import { DataTable, type Column } from '../../ui/DataTable';
import { Dialog, useSubmit } from '../../ui/Dialog';
import { Done, FormEnd } from '../../ui/Ends';
import { Check, Input, Select } from '../../ui/Field';
import { Csv, More } from '../../ui/More';
import { Empty, Panel } from '../../ui/Panel';
import { Small } from '../../ui/Small';
import { Time } from '../../ui/Time';
import { Part } from './Settings';

const levels: [Level, string, string][] = [
  ['full', 'Opens and clicks', 'Who opened and clicked, when and how often.'],
  ['clicks', 'Clicks only', 'Emails carry no pixel; who clicked is recorded.'],
  ['aggregate', 'Both, counted without the person', 'How many opened and clicked, and of nobody who it was: no timeline, no score, no notifications.'],
  ['none', 'Neither', 'Emails carry no pixel, and links lead straight to their destination.'],
];
export const levelWords = (level: Level): string => levels.find(([key]) => key === level)![1];
const channels: Record<string, string> = { api: 'through the API or by a colleague', preference_page: 'on the preferences page', unsubscribe: 'by unsubscribing' };

function Recorded({ settings }: { settings: Settings }): JSX.Element {
  const [tracking, setTracking] = useState<Level>(settings.tracking);
  const [consent, setConsent] = useState<string>(settings.consent_mode);
  const [signals, setSignals] = useState(settings.honor_privacy_signals);
  return (
    <Part title="What is recorded" what={() => ({ tracking, consent_mode: consent as Settings['consent_mode'], honor_privacy_signals: signals })}>
      <Select label="Of readers" value={tracking} options={levels.map(([key, words]) => [key, words])} onChange={(level) => setTracking(level as Level)} />
      <p class="small muted">{levels.find(([key]) => key === tracking)![2]} Holds from now on, and for opens and clicks still to come of emails sent before. Bounces, replies and unsubscriptions are always recorded.</p>
      <Select label="Without a person’s word" value={consent} options={[['opt_out', 'record, until they object'], ['opt_in', 'do not record, until they agree']]} onChange={setConsent} />
      <p class="small muted">Laws differ: in the European Union, the United Kingdom and Switzerland people have to agree first.</p>
      <Check label="Record nothing of browsers that ask for privacy (Global Privacy Control, Do Not Track)" checked={signals} onChange={(event) => setSignals(event.currentTarget.checked)} />
    </Part>
  );
}

function Kept({ settings }: { settings: Settings }): JSX.Element {
  const [address, setAddress] = useState<string>(settings.address_policy);
  const [days, setDays] = useState(String(settings.retention_days));
  return (
    <Part title="What is kept" what={() => ({ address_policy: address as Settings['address_policy'], retention_days: Number(days) })}>
      <Select label="Network addresses of readers" value={address} options={[['drop', 'are not stored'], ['truncate', 'are stored shortened'], ['keep', 'are stored']]} onChange={setAddress} />
      <Input label="Days that events are kept" type="number" min={1} max={3650} required value={days} onInput={(event) => setDays(event.currentTarget.value)} hint="Figures stay when events go." />
    </Part>
  );
}

// An answer that somebody gave by word or by letter. Also of people that no email was sent to yet.
function Give({ answer, onClose }: { answer: Answer | null; onClose: () => void }): JSX.Element {
  const [id, setId] = useState(answer?.candidate_id ?? '');
  const [level, setLevel] = useState<string>(answer?.tracking ?? 'none');
  const [emails, setEmails] = useState<number | null>(null);
  const { busy, problem, submit } = useSubmit(async () => {
    const made = await change<{ emails: number }>('PUT', `/candidates/${encodeURIComponent(answer?.candidate_ref ?? id.trim())}/tracking`, { level: level || null });
    for (const list of ['/consents', '/candidates', '/emails', '/audit-log']) refresh(list);
    setEmails(made.emails);
  });
  if (emails !== null)
    return (
      <Dialog title="Their word holds now" onClose={onClose}>
        <p>Also for {count(emails)} {emails === 1 ? 'email' : 'emails'} sent before.</p>
        <Done label="Done" onClose={onClose} />
      </Dialog>
    );
  return (
    <Dialog title={answer ? `What ${answer.name ?? answer.candidate_id} allows` : 'Somebody’s word'} onClose={onClose}>
      <form class="form" onSubmit={submit}>
        {!answer && <Input label="Id of the candidate, or e-mail address" required maxLength={255} value={id} onInput={(event) => setId(event.currentTarget.value)} hint="As your applicant tracking system knows them; the address of who has no id." />}
        <Select label="They allow to record" value={level} options={[...levels.map(([key, words]): [string, string] => [key, words]), ...(answer ? [['', 'Take their word back'] as [string, string]] : [])]} onChange={setLevel} />
        <p class="small muted">What was recorded stays. It never stops emails.</p>
        <FormEnd busy={busy} problem={problem} label="Save" onClose={onClose} />
      </form>
    </Dialog>
  );
}

const parameters = { q: text('', 200) };

function Answers(): JSX.Element {
  const { q } = readQuery(parameters);
  const [giving, setGiving] = useState<Answer | null | 'new'>(null);
  const pages = usePages<Answer>(`/consents${query({ search: q })}`);
  const columns: Column<Answer>[] = [
    { key: 'who', label: 'Who', head: true, cell: (row) => <span class="two-lines"><a href={thing('candidates', row.candidate_ref)}>{row.name ?? row.email ?? row.candidate_id}</a><span class="small muted">{row.email ?? ''}</span></span> },
    { key: 'tracking', label: 'Allows', cell: (row) => <span class={`chip ${row.tracking === 'full' ? 'good' : row.tracking === 'none' ? 'warn' : ''}`}>{levelWords(row.tracking)}</span> },
    { key: 'at', label: 'Said', cell: (row) => <span class="two-lines"><Time at={row.answered_at} as="short" /><span class="small muted">{channels[row.channel ?? ''] ?? ''}</span></span> },
    { key: 'actions', label: '', fit: true, cell: (row) => <Small of={`what ${row.name ?? row.candidate_id} allows`} onClick={() => setGiving(row)}>Change</Small> },
  ];
  return (
    <section class="card card-flush" aria-label="What people said">
      <header>
        <h2>What people said</h2>
        <span class="row">
          <Csv path={`/consents${query({ search: q, limit: 500 })}`} name="consents" />
          <Small tone="primary" onClick={() => setGiving('new')}>Add somebody’s word</Small>
        </span>
      </header>
      <div class="table-foot"><Input label="Find by name, id or address" maxLength={200} value={q} onChange={(event) => setQuery({ q: event.currentTarget.value.trim() }, { replace: true })} /></div>
      <Panel of={pages} height={160}>
        {(rows) =>
          rows.length === 0 ? <Empty title={q ? 'Nobody fits' : 'Nobody has said anything yet'}>{!q && <p>Every tracked email carries a link to a page where people say what may be recorded.</p>}</Empty> : (
            <>
              <DataTable stacked label="What people said" columns={columns} rows={rows} rowKey={(row) => row.candidate_ref} />
              <More pages={pages} shown={`${count(rows.length)} shown`} />
            </>
          )
        }
      </Panel>
      {giving !== null && <Give answer={giving === 'new' ? null : giving} onClose={() => setGiving(null)} />}
    </section>
  );
}

export function Privacy(): JSX.Element {
  const settings = useResource<Settings>('/settings');
  return (
    <div class="stack">
      {settings.data?.tracking === 'none' && <p class="notice warn">Tracking is off: no email of this organization is measured, whatever anybody allows.</p>}
      <Panel of={settings} height={680}>{(data) => <div class="stack"><Recorded settings={data} /><Kept settings={data} /></div>}</Panel>
      <Answers />
    </div>
  );
}
