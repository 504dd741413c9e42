// Emails, the newest first: the list behind every figure.
import type { JSX } from 'preact';
import { query } from '../api';
import { count, nameOf } from '../format';
import { candidateKey, thing } from '../links';
import { usePages } from '../pages';
import { periodOf, periodParameters } from '../period';
import { choice, readQuery, setQuery, text } from '../router';
import type { Email } from '../types';
import { Chips } from '../ui/Chips';
import { DataTable, type Column } from '../ui/DataTable';
import { Select } from '../ui/Field';
import { DateRange, Filters, GroupFilter, Views, ZoneNote } from '../ui/Filters';
import { Csv, More } from '../ui/More';
import { Empty, Panel } from '../ui/Panel';
import { Small } from '../ui/Small';
import { Time } from '../ui/Time';
import { Title } from '../ui/Title';
import { viewParameters, viewQuery } from '../views';

export const STATUSES: [string, string][] = [
  ['any', 'Any status'], ['delivered', 'Delivered'], ['opened', 'Opened'], ['clicked', 'Clicked'], ['replied', 'Replied'],
  ['bounced', 'Bounced'], ['dropped', 'Not sent'], ['unsubscribed', 'Unsubscribed'], ['complained', 'Marked as spam'],
];

const parameters = {
  ...periodParameters('all'),
  status: choice('any', ...STATUSES.map(([key]) => key)),
  job: text(),
  template: text(),
  campaign: text(),
  candidate: text('', 255),
  sender: text('', 255),
  ...viewParameters,
};

export const emailColumns = ({ short = false } = {}): Column<Email>[] => [
  { key: 'subject', label: 'Email', head: true, cell: (row) => <span class="two-lines"><a href={`/emails/${row.id}`}>{row.subject || 'No subject'}</a><span class="small muted">{[row.template ?? row.campaign, short ? row.job : null].filter(Boolean).map(nameOf).join(' · ')}</span></span> },
  ...(short ? [] : [{ key: 'candidate', label: 'Candidate', cell: (row: Email) => (row.candidate ? <a href={thing('candidates', candidateKey(row.candidate))}>{nameOf(row.candidate)}</a> : <span class="muted">Erased</span>) }, { key: 'job', label: 'Job', wide: true, cell: (row: Email) => (row.job ? <a href={thing('jobs', row.job.id)}>{nameOf(row.job)}</a> : <span class="muted">–</span>) }]),
  { key: 'status', label: 'What happened', cell: (row) => <Chips email={row} /> },
  { key: 'sent', label: 'Sent', fit: true, cell: (row) => <Time at={row.sent_at} as="short" /> },
];

export function Emails(): JSX.Element {
  const values = readQuery(parameters);
  const period = periodOf(values, 'all');
  const happened = values.status !== 'any' && period.from !== undefined;
  const views = values.scope || !values.sender ? viewQuery({ scope: values.scope, basis: happened ? values.basis : '' }) : { sender: values.sender, basis: happened ? values.basis : '' };
  const filter = { from: period.from, to: period.to, job: values.job, template: values.template, campaign: values.campaign, candidate: values.candidate, ...views, status: values.status === 'any' ? undefined : values.status };
  const pages = usePages<Email>(`/emails${query(filter)}`);
  const span = query({ from: period.from, to: period.to });
  const extra = Object.entries({ candidate: 'Candidate', sender: 'Sender', campaign: 'Campaign' }).filter(([name]) => values[name as 'candidate']);
  const filtered = Object.values(filter).some(Boolean);
  return (
    <>
      <div class="head">
        <Title of="Emails">Emails</Title>
        <div class="row"><ZoneNote /><Csv path={`/emails${query({ ...filter, limit: 500 })}`} name="emails" /></div>
      </div>
      <Filters>
        <Select label="What happened" value={values.status} options={STATUSES} onChange={(status) => setQuery({ status: status === 'any' ? '' : status })} />
        <DateRange period={period} standard="all" />
        {happened ? <Views scope={values.scope} basis={values.basis} /> : <Views scope={values.scope} />}
        <GroupFilter kind="jobs" name="job" label="Job" all="All jobs" value={values.job} span={span} />
        <GroupFilter kind="templates" name="template" label="Template" all="All templates" value={values.template} span={span} />
      </Filters>
      {extra.length > 0 && (
        <div class="row">
          {extra.map(([name, label]) => (
            <Small key={name} onClick={() => setQuery({ [name]: '' })}>{label}: {values[name as 'candidate']} <span aria-hidden="true">×</span><span class="hidden-text">, take away</span></Small>
          ))}
        </div>
      )}
      <section class="card card-flush" aria-label="Emails">
        <Panel of={pages} height={480}>
          {(rows) =>
            rows.length === 0 ? (
              filtered ? (
                <Empty title="No email fits"><p>Nothing was sent in these days with this job, template and status.</p><Small onClick={() => setQuery({ status: '', range: '', from: '', to: '', job: '', template: '', campaign: '', candidate: '', sender: '', scope: '', basis: '' })}>Clear the filters</Small></Empty>
              ) : (
                <Empty title="No email has been registered yet"><p>Emails appear here as soon as your system registers them through the <a href="/api/v1/openapi.json">API</a>.</p></Empty>
              )
            ) : (
              <>
                <DataTable stacked label="Emails" columns={emailColumns()} rows={rows} rowKey={({ id }) => id} />
                <More pages={pages} shown={`${count(rows.length)} shown, the newest first`} />
              </>
            )
          }
        </Panel>
      </section>
    </>
  );
}
