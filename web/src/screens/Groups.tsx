// All templates, campaigns or jobs of a period, with their figures.
import type { JSX } from 'preact';
import { query } from '../api';
import { count, fraction, nameOf, percent, spanText } from '../format';
import { emailsOf, thing, type Scope } from '../links';
import { usePages } from '../pages';
import { periodOf, periodParameters, spanOf } from '../period';
import { choice, readQuery, setQuery, text } from '../router';
import type { Group, Span } from '../types';
import { DataTable, sortRows, type Column } from '../ui/DataTable';
import { DateRange, Filters, GroupFilter, Views, ZoneNote } from '../ui/Filters';
import { Csv, More } from '../ui/More';
import { Empty, Panel } from '../ui/Panel';
import { Small } from '../ui/Small';
import { Title } from '../ui/Title';
import { viewParameters, viewQuery } from '../views';
import { daysQuery } from './Dashboard';

export type Kind = 'templates' | 'campaigns' | 'jobs';
export const singular: Record<Kind, 'template' | 'campaign' | 'job'> = { templates: 'template', campaigns: 'campaign', jobs: 'job' };
const headings: Record<Kind, string> = { templates: 'Templates', campaigns: 'Campaigns', jobs: 'Jobs' };

const parameters = {
  ...periodParameters('30d'),
  job: text(),
  ...viewParameters,
  q: text(),
  sort: choice('sent', 'name', 'opened', 'clicked', 'replied', 'bounced', 'open_rate', 'click_rate', 'attention'),
  dir: choice('', 'up', 'down'),
};

// Where nothing could be measured, there is no 0.
const untracked = (row: Group, key: string): boolean => row.sent > 0 && ((key === 'opened' && row.open_base === 0) || (key === 'clicked' && row.click_base === 0));

const attention: Column<Group> = {
  key: 'attention', label: 'Needs attention', sort: (row) => row.attention?.length || null,
  cell: (row) => row.attention?.map(({ code, text }) => <span key={code} class="chip warn">{text}</span>),
};

function columnsOf(kind: Kind, scope: Scope, span: Span): Column<Group>[] {
  const within = (row: Group): Scope => ({ ...scope, [singular[kind]]: row.id ?? '' });
  const number = (key: 'sent' | 'opened' | 'clicked' | 'replied' | 'bounced', label: string, title: string, wide = false): Column<Group> => ({
    key, label, title, number: true, wide, sort: (row) => row[key],
    cell: (row) => (untracked(row, key) ? <span title="Not tracked">–</span> : row.id === null ? count(row[key]) : <a href={emailsOf(within(row), span, key === 'sent' ? undefined : key)}>{count(row[key])}</a>),
  });
  const rate = (key: 'open_rate' | 'click_rate', label: string, part: 'opened' | 'clicked', base: 'open_base' | 'click_base'): Column<Group> => ({
    key, label, number: true, sort: (row) => row[key],
    cell: (row) => <span title={`${fraction(row[part], row[base], 'sent')}, ${percent(row[key])}`}>{row[key] !== null && <span class={`bar ${part === 'clicked' ? 'clicks' : ''}`} aria-hidden="true"><i style={{ width: `${row[key]}%` }} /></span>}{percent(row[key], 0)}</span>,
  });
  return [
    { key: 'name', label: headings[kind].slice(0, -1), head: true, sort: (row) => (row.id === null ? null : nameOf(row)), cell: (row) => (row.id === null ? <span class="muted">Without a {singular[kind]}</span> : <a href={thing(kind, row.id, daysQuery())}>{nameOf(row)}</a>) },
    number('sent', 'Sent', 'Emails sent in these days'),
    number('opened', 'Opens', 'Emails that a person opened'),
    number('clicked', 'Clicks', 'Emails in which a person clicked'),
    number('replied', 'Replies', 'Emails that were answered'),
    number('bounced', 'Bounces', 'Emails that came back', true),
    rate('open_rate', 'Open rate', 'opened', 'open_base'),
    rate('click_rate', 'Click rate', 'clicked', 'click_base'),
    ...(kind === 'campaigns' && !scope.basis ? [attention] : []),
  ];
}

function Groups({ kind }: { kind: Kind }): JSX.Element {
  const values = readQuery(parameters);
  const period = periodOf(values);
  const span = spanOf(period);
  const scope: Scope = { ...(kind === 'jobs' ? {} : { job: values.job }), ...viewQuery(values) };
  const path = `/engagement/${kind}${query({ from: period.from, to: period.to, job: scope.job, ...viewQuery(values), limit: 500 })}`;
  const pages = usePages<Group>(path);
  const columns = columnsOf(kind, scope, span);
  const sorting = { key: values.sort, down: values.dir ? values.dir === 'down' : values.sort !== 'name' };
  const wanted = values.q.toLocaleLowerCase('en');
  return (
    <>
      <div class="head">
        <div>
          <Title of={headings[kind]}>{headings[kind]}</Title>
          <p class="sub small">{spanText(span.from, span.to)}</p>
        </div>
        <div class="row"><ZoneNote /><Csv path={path} name={kind} /></div>
      </div>
      <Filters>
        <DateRange period={period} />
        <Views scope={values.scope} basis={values.basis} />
        {kind !== 'jobs' && <GroupFilter kind="jobs" name="job" label="Job" all="All jobs" value={values.job} span={query({ from: period.from, to: period.to })} />}
        <div class="field find">
          <label for="find">Find</label>
          <input id="find" type="search" placeholder="Name" value={values.q} onInput={(event) => setQuery({ q: event.currentTarget.value.slice(0, 200) }, { replace: true })} />
        </div>
      </Filters>
      <section class="card card-flush" aria-label={headings[kind]}>
        <Panel of={pages} height={200}>
          {(all) => {
            const rows = sortRows(all.filter((row) => wanted === '' || (row.id !== null && nameOf(row).toLocaleLowerCase('en').includes(wanted))), columns, sorting);
            if (all.length === 0) return <Empty title={`No ${kind} in these days`}><p>A {singular[kind]} appears here when an email was sent with it.</p>{(values.job || values.scope || values.range !== '30d') && <Small onClick={() => setQuery({ job: '', scope: '', range: '', from: '', to: '' })}>Show the last 30 days</Small>}</Empty>;
            if (rows.length === 0) return <Empty title={`No ${singular[kind]} is named so`}><Small onClick={() => setQuery({ q: '' })}>Show all</Small></Empty>;
            return (
              <>
                <DataTable label={headings[kind]} columns={columns} rows={rows} rowKey={({ id }) => id ?? ''} sorting={sorting} onSort={({ key, down }) => setQuery({ sort: key === 'sent' ? '' : key, dir: down === (key !== 'name') ? '' : down ? 'down' : 'up' }, { replace: true })} />
                <More pages={pages} shown={`${count(rows.length)} shown${pages.hasMore ? ', the most sent' : ''}`} />
              </>
            );
          }}
        </Panel>
      </section>
    </>
  );
}

export const Templates = (): JSX.Element => <Groups kind="templates" />;
export const Campaigns = (): JSX.Element => <Groups kind="campaigns" />;
export const Jobs = (): JSX.Element => <Groups kind="jobs" />;
