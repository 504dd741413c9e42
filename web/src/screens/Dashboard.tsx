// The dashboard of the specification (UC-558, "Engagement Dashboard Layout").
import type { JSX } from 'preact';
import { query, useResource, type Resource } from '../api';
import { dashboardPath, parameters, partOf } from '../dashboard';
import { Cards, LeftOut, OverTimeOf, Strip } from '../figures';
import { count, fraction, nameOf, percent, spanText } from '../format';
import { fetched } from '../later';
import { emailsOf, thing, type Scope } from '../links';
import { periodOf, spanOf } from '../period';
import { readQuery, search, setQuery } from '../router';
import { isAdmin, me } from '../state';
import type { Dashboard as Answer, Email, Group, Page, Report, Span } from '../types';
import { DataTable, sortRows, type Column } from '../ui/DataTable';
import { DateRange, Filters, GroupSelect, Views, ZoneNote } from '../ui/Filters';
import { LOW_VOLUME } from '../ui/Kpi';
import type { ChartView } from '../ui/LineChart';
import { Empty, Panel, Skeleton } from '../ui/Panel';
import { Title } from '../ui/Title';
import { viewQuery } from '../views';

// The days of this page, for the pages of one thing that it leads to.
export function daysQuery(): string {
  const asked = new URLSearchParams(search.value);
  const kept = new URLSearchParams();
  for (const name of ['range', 'from', 'to', 'basis', 'scope']) if (asked.has(name)) kept.set(name, asked.get(name)!);
  return kept.size > 0 ? `?${kept}` : '';
}

export const templateColumns = (scope: Scope, span: Span): Column<Group>[] => {
  const within = (row: Group): Scope => ({ ...scope, template: row.id ?? '' });
  const number = (row: Group, value: number, status?: string) => (row.id === null ? count(value) : <a href={emailsOf(within(row), span, status)}>{count(value)}</a>);
  return [
    { key: 'name', label: 'Template', head: true, sort: (row) => (row.id === null ? null : nameOf(row)), cell: (row) => (row.id === null ? <span class="muted">Without a template</span> : <a href={thing('templates', row.id, daysQuery())}>{nameOf(row)}</a>) },
    { key: 'sent', label: 'Sent', number: true, sort: (row) => row.sent, cell: (row) => number(row, row.sent) },
    { key: 'opened', label: 'Opens', title: 'Emails that a person opened', number: true, sort: (row) => row.opened, cell: (row) => number(row, row.opened, 'opened') },
    { key: 'clicked', label: 'Clicks', title: 'Emails in which a person clicked', number: true, sort: (row) => row.clicked, cell: (row) => number(row, row.clicked, 'clicked') },
    {
      key: 'rate', label: 'Rate', title: 'Click rate: emails in which a person clicked, of those sent', number: true, sort: (row) => row.click_rate,
      cell: (row) => <span title={`${fraction(row.clicked, row.click_base, 'sent')}, ${percent(row.click_rate)}`}><span class="bar clicks" aria-hidden="true"><i style={{ width: `${row.click_rate ?? 0}%` }} /></span>{percent(row.click_rate, 0)}</span>,
    },
  ];
};

function TopPerforming({ top, scope, span }: { top: Resource<Report<Group>>; scope: Scope; span: Span }): JSX.Element {
  return (
    <section class="card" aria-labelledby="top">
      <header>
        <h2 id="top">Top performing emails</h2>
        <span class="small muted">{scope.basis ? 'by emails first opened in these days' : `by open rate, at least ${LOW_VOLUME} sent`}</span>
      </header>
      <Panel of={top} height={220}>
        {({ data }) =>
          data.length === 0 ? (
            <Empty title="Not enough emails yet"><p>A template appears here once {LOW_VOLUME} emails were sent with it in these days.</p></Empty>
          ) : (
            <ol class="rank">
              {data.map((row) => (
                <li key={row.id}>
                  <span class="n">{row.rank}.</span>
                  <a href={thing('templates', row.id!, daysQuery())}>{nameOf(row)}</a>
                  <a class="rate" href={emailsOf({ ...scope, template: row.id! }, span, 'opened')} title={scope.basis ? undefined : fraction(row.opened, row.open_base, 'sent')}>{scope.basis ? count(row.opened) : percent(row.open_rate, 0)} open</a>
                  <a class="rate" href={emailsOf({ ...scope, template: row.id! }, span, 'clicked')} title={scope.basis ? undefined : fraction(row.clicked, row.click_base, 'sent')}>{scope.basis ? count(row.clicked) : percent(row.click_rate, 0)} click</a>
                </li>
              ))}
            </ol>
          )
        }
      </Panel>
    </section>
  );
}

// Nothing was sent in the period: because of the filters, or because nothing has arrived at all.
function NothingSent({ filtered }: { filtered: boolean }): JSX.Element {
  const any = useResource<Page<Email>>('/emails?limit=1');
  const never = any.data?.data.length === 0;
  return (
    <div class="notice">
      {never ? (
        <>
          <strong>No email has been registered yet.</strong>
          <span>Register the emails you send through the <a href="/api/v1/openapi.json">API</a>{isAdmin.value ? <>, and point your email service at an <a href="/admin/endpoints">endpoint</a></> : ''}. This page fills by itself.</span>
        </>
      ) : (
        <>
          <strong>No email was sent in these days{filtered ? ' that fits' : ''}.</strong>
          <button type="button" class="link" onClick={() => setQuery({ range: '', from: '', to: '', job: '', scope: '' })}>Show the last 30 days of all</button>
        </>
      )}
    </div>
  );
}

export function Dashboard(): JSX.Element {
  const values = readQuery(parameters);
  const period = periodOf(values);
  const span = spanOf(period);
  const scope: Scope = { job: values.job, ...viewQuery(values) };
  const whole = useResource<Answer>(dashboardPath(values));
  const summary = partOf(whole, 'summary'), templates = partOf(whole, 'templates');
  const columns = templateColumns(scope, span);
  const sorting = { key: values.sort, down: values.dir ? values.dir === 'down' : values.sort !== 'name' };
  return (
    <>
      <div class="head">
        <div>
          <Title of="Dashboard">Email Engagement Dashboard</Title>
          <p class="sub small">{summary.data && !summary.old ? `${spanText(summary.data.from, summary.data.to)}, compared with ${spanText(summary.data.previous.from, summary.data.previous.to)}` : spanText(span.from, span.to)}</p>
        </div>
        <ZoneNote />
      </div>
      {me.value?.organization.tracking === 'none' && <p class="notice warn">Tracking is off: opens and clicks are not recorded.{isAdmin.value && <> <a href="/admin/privacy">Privacy and tracking</a></>}</p>}
      <Filters>
        <DateRange period={period} />
        <Views scope={values.scope} basis={values.basis} />
        <GroupSelect name="job" label="Job" all="All jobs" value={values.job} groups={partOf(whole, 'jobs').data?.data} />
      </Filters>
      {whole.problem && (whole.data === undefined || whole.old) ? (
        <Panel of={whole} height={600}>{() => null}</Panel>
      ) : (
        <>
          {summary.data?.sent === 0 && !summary.old && !values.basis && <NothingSent filtered={values.job + values.scope !== ''} />}
          <Panel of={summary} height={250}>
            {(data) => (
              <div class="stack">
                {data.sent > 0 && data.open_base === 0 && <p class="notice warn">Opens were not tracked in this period, so there is nothing to measure. That is a setting of the organization, or what the candidates asked for.</p>}
                <Cards summary={data} scope={scope} />
                <Strip summary={data} scope={scope} />
                <LeftOut summary={data} shown={values.auto === '1'} />
              </div>
            )}
          </Panel>
          <OverTimeOf rows={partOf(whole, 'series')} before={partOf(whole, 'previous_series')} scope={scope} summary={summary.data} view={values.view as ChartView} compare={values.cmp === '1'} table={values.table === '1'} />
          {fetched.value ? <fetched.value.FollowUp whole={whole} scope={scope} /> : <section class="card"><Skeleton height={272} /></section>}
          <TopPerforming top={partOf(whole, 'top')} scope={scope} span={span} />
          <section class="card card-flush" aria-labelledby="by-template">
            <header>
              <h2 id="by-template">Engagement by template</h2>
              <a href={`/templates${query({ range: values.range === '30d' ? '' : values.range, from: values.from, to: values.to, job: values.job, scope: values.scope, basis: values.basis })}`}>View all →</a>
            </header>
            <Panel of={templates} height={240}>
              {({ data }) =>
                data.length === 0 ? (
                  <Empty title="No emails in these days" />
                ) : (
                  <DataTable label="Engagement by template" columns={columns} rows={sortRows(data, columns, sorting)} rowKey={({ id }) => id ?? ''} sorting={sorting}
                    onSort={({ key, down }) => setQuery({ sort: key === 'sent' ? '' : key, dir: down === (key !== 'name') ? '' : down ? 'down' : 'up' }, { replace: true })} />
                )
              }
            </Panel>
          </section>
        </>
      )}
    </>
  );
}
