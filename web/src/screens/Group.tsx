// One template, campaign or job: from sent to replied, over time, its links and its emails.
import type { JSX } from 'preact';
import { query, useResource } from '../api';
import { Cards, LeftOut, OverTime } from '../figures';
import { count, nameOf, percent, spanText } from '../format';
import { emailsOf, type Scope } from '../links';
import { usePages } from '../pages';
import { periodOf, periodParameters, spanOf } from '../period';
import { choice, readQuery, text } from '../router';
import type { Email, Group as Row, LinkFigures, Report, Summary } from '../types';
import { DataTable, sortRows, type Column } from '../ui/DataTable';
import { DateRange, Filters, GroupFilter, Views, ZoneNote } from '../ui/Filters';
import type { ChartView } from '../ui/LineChart';
import { Empty, Panel } from '../ui/Panel';
import { Title } from '../ui/Title';
import { viewParameters, viewQuery } from '../views';
import { templateColumns } from './Dashboard';
import { emailColumns } from './Emails';
import { singular, type Kind } from './Groups';

const parameters = { ...periodParameters('30d'), job: text(), ...viewParameters, view: choice('rates', 'counts'), cmp: choice('', '1'), table: choice('', '1'), auto: choice('', '1') };

function Funnel({ summary, scope }: { summary: Summary; scope: Scope }): JSX.Element {
  const steps: [string, string | undefined, number][] = [['Sent', undefined, summary.sent], ['Delivered', 'delivered', summary.delivered], ['Opened', 'opened', summary.opened], ['Clicked', 'clicked', summary.clicked], ['Replied', 'replied', summary.replied]];
  return (
    <div class="funnel">
      {steps.map(([label, status, number]) => (
        <a key={label} href={emailsOf(scope, summary, status)}>
          <span>{label}</span>
          <span class="track" aria-hidden="true"><i style={{ width: `${summary.sent === 0 ? 0 : (100 * number) / summary.sent}%` }} /></span>
          <span class="value">{count(number)} <span class="muted">{summary.sent === 0 ? '' : percent((100 * number) / summary.sent, 0)}</span></span>
        </a>
      ))}
    </div>
  );
}

const linkColumns: Column<LinkFigures>[] = [
  { key: 'url', label: 'Link', head: true, cell: (row) => <span class="mono">{row.url ?? 'unknown'}</span> },
  { key: 'position', label: 'Position', number: true, cell: (row) => (row.link_position === null ? '–' : count(row.link_position + 1)) },
  { key: 'clicked', label: 'Emails', title: 'Emails in which a person clicked this link', number: true, cell: (row) => count(row.clicked) },
  { key: 'clicks', label: 'Clicks', title: 'All clicks of people', number: true, cell: (row) => count(row.clicks) },
  { key: 'automatic', label: 'Automatic', number: true, wide: true, cell: (row) => count(row.machine_clicks) },
  { key: 'rate', label: 'Click rate', number: true, cell: (row) => <span title={`${count(row.clicked)} of ${count(row.click_base)} sent`}>{percent(row.click_rate, 0)}</span> },
];

export function Group({ kind, id }: { kind: Kind; id: string }): JSX.Element {
  const values = readQuery(parameters);
  const period = periodOf(values);
  const span = spanOf(period);
  const scope: Scope = { job: values.job, [singular[kind]]: id, ...viewQuery(values) };
  const filter = { from: period.from, to: period.to, job: scope.job, template: scope.template, campaign: scope.campaign, sender: scope.sender };
  const asked = query(filter);
  const counted = query({ ...filter, basis: scope.basis });
  const summary = useResource<Summary>(`/engagement/summary${counted}`);
  // The name comes with any email of it, whenever that was sent.
  const newest = useResource<{ data: Email[] }>(`/emails${query({ [singular[kind]]: id, limit: 1 })}`);
  const links = useResource<Report<LinkFigures>>(`/engagement/links${asked}${asked ? '&' : '?'}limit=10`);
  const templates = useResource<Report<Row>>(kind === 'templates' ? null : `/engagement/templates${counted}${counted ? '&' : '?'}limit=20`);
  const emails = usePages<Email>(`/emails${query({ ...filter, from: span.from, to: span.to, limit: 20 })}`);
  const first = newest.data?.data[0];
  const name = first ? nameOf(first[singular[kind]]) : id;
  const unknown = newest.data !== undefined && first === undefined;
  if (unknown)
    return (
      <div class="card">
        <Title of="Not found">{id}</Title>
        <Empty title={`No email was ever sent with this ${singular[kind]}`}><a href={`/${kind}`}>All {kind}</a></Empty>
      </div>
    );
  return (
    <>
      <div class="head">
        <div>
          <p class="crumb"><a href={`/${kind}`}>{kind[0]!.toUpperCase() + kind.slice(1)}</a></p>
          <Title of={name}>{newest.data ? name : ' '}</Title>
          <p class="sub small">{spanText(span.from, span.to)}</p>
        </div>
        <ZoneNote />
      </div>
      <Filters>
        <DateRange period={period} />
        <Views scope={values.scope} basis={values.basis} />
        {kind !== 'jobs' && <GroupFilter kind="jobs" name="job" label="Job" all="All jobs" value={values.job} span={query({ from: period.from, to: period.to })} />}
      </Filters>
      <Panel of={summary} height={330}>
        {(data) => (
          <div class="stack">
            {data.sent === 0 && <p class="notice">No email was sent with this {singular[kind]} in these days. Choose a longer range.</p>}
            <Cards summary={data} scope={scope} />
            <section class="card" aria-labelledby="funnel">
              <header><h2 id="funnel">From sent to replied</h2></header>
              <Funnel summary={data} scope={scope} />
            </section>
            <LeftOut summary={data} shown={values.auto === '1'} />
          </div>
        )}
      </Panel>
      <OverTime period={period} scope={scope} summary={summary.data} view={values.view as ChartView} compare={values.cmp === '1'} table={values.table === '1'} />
      {kind !== 'templates' && (
        <section class="card card-flush" aria-labelledby="with-templates">
          <header><h2 id="with-templates">Templates</h2></header>
          <Panel of={templates} height={160}>
            {({ data }) => (data.length === 0 ? <Empty title="No emails in these days" /> : <DataTable label="Templates" columns={templateColumns(scope, span)} rows={sortRows(data, [], { key: '', down: false })} rowKey={(row) => row.id ?? ''} />)}
          </Panel>
        </section>
      )}
      <section class="card card-flush" aria-labelledby="group-links">
        <header><h2 id="group-links">Links</h2></header>
        <Panel of={links} height={160}>
          {({ data }) => (data.length === 0 ? <Empty title="No clicks in these days"><p>Links appear here once people click them.</p></Empty> : <DataTable stacked label="Links" columns={linkColumns} rows={data} rowKey={(row) => `${row.link_position} ${row.url}`} />)}
        </Panel>
      </section>
      <section class="card card-flush" aria-labelledby="group-emails">
        <header>
          <h2 id="group-emails">Emails</h2>
          <a href={emailsOf(scope, span)}>View all →</a>
        </header>
        <Panel of={emails} height={300}>
          {(rows) => (rows.length === 0 ? <Empty title="No emails in these days" /> : <DataTable stacked label="Emails" columns={emailColumns()} rows={rows} rowKey={(row) => row.id} />)}
        </Panel>
      </section>
    </>
  );
}
