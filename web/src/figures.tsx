// The figures of a period as cards, strip and chart; shared by the dashboard and the pages of campaigns, templates and jobs.
import type { JSX } from 'preact';
import { useResource, query, type Resource } from './api';
import { count, duration, fraction, percent, spanText } from './format';
import { useKeys } from './keys';
import { emailsOf, type Scope } from './links';
import { intervalFor, spanOf, type Period } from './period';
import { navigate, setQuery } from './router';
import type { Interval, Report, Summary } from './types';
import { DataTable, type Column } from './ui/DataTable';
import { Toggles } from './ui/Field';
import { Delta, Kpi, LOW_VOLUME } from './ui/Kpi';
import { intervalName, LineChart, type ChartView } from './ui/LineChart';
import { Panel } from './ui/Panel';
import { Small } from './ui/Small';

const tracked = (base: number, sent: number): string => (base === sent ? 'sent' : 'tracked');

const byActivity = (summary: Summary | undefined): boolean => summary?.basis === 'activity';

// What happened in the days, to emails sent at any time: shares of these would be of others.
function ActivityCards({ summary, scope }: { summary: Summary; scope: Scope }): JSX.Element {
  const cards = [['Opened', 'opened', 'opened'], ['Clicked', 'clicked', 'clicked'], ['Replied', 'replied', 'answered']] as const;
  return (
    <div class="kpis">
      {cards.map(([label, key, words]) => (
        <Kpi key={key} number label={label} value={summary[key]} of={`first ${words} in these days`} href={emailsOf(scope, summary, key)} note={`Emails first ${words} in these days, whenever they were sent`}
          delta={<Delta kind="number" change={summary.change[key]} base={summary[key]} previousBase={summary.previous[key]} />} />
      ))}
    </div>
  );
}

export function Cards({ summary, scope }: { summary: Summary; scope: Scope }): JSX.Element {
  const { previous, change } = summary;
  if (byActivity(summary)) return <ActivityCards summary={summary} scope={scope} />;
  return (
    <div class="kpis">
      <Kpi label="Open rate" value={summary.open_rate} of={fraction(summary.opened, summary.open_base, tracked(summary.open_base, summary.sent))} href={emailsOf(scope, summary, 'opened')}
        note="Emails that a person opened, of those sent with open tracking. Automatic opens do not count."
        delta={<Delta change={change.open_rate} base={summary.open_base} previousBase={previous.open_base} />} />
      <Kpi label="Click rate" value={summary.click_rate} of={fraction(summary.clicked, summary.click_base, tracked(summary.click_base, summary.sent))} href={emailsOf(scope, summary, 'clicked')}
        note="Emails in which a person clicked, of those sent with click tracking. Automatic clicks do not count."
        delta={<Delta change={change.click_rate} base={summary.click_base} previousBase={previous.click_base} />} />
      <Kpi label="CTOR" value={summary.click_to_open_rate} of={fraction(summary.clicked, summary.opened_or_clicked, 'opened')} href={emailsOf(scope, summary, 'clicked')}
        note="Click-to-open rate: emails in which a person clicked, of those opened or clicked."
        delta={<Delta change={change.click_to_open_rate} base={summary.opened_or_clicked} previousBase={previous.opened_or_clicked} />} />
    </div>
  );
}

export function Strip({ summary, scope }: { summary: Summary; scope: Scope }): JSX.Element {
  const { previous, change, sent } = summary;
  const shares: [string, string, number | null, number, number | null, boolean][] = [
    ['Replied', 'replied', summary.reply_rate, summary.replied, change.reply_rate, false],
    ['Bounced', 'bounced', summary.bounce_rate, summary.bounced, change.bounce_rate, true],
    ['Unsubscribed', 'unsubscribed', summary.unsubscribe_rate, summary.unsubscribed, change.unsubscribe_rate, true],
  ];
  return (
    <div class="card strip">
      <a href={emailsOf(scope, summary)}>
        <span class="label">Sent</span>
        <span class="value">{count(sent)}</span>
        <span class="small"><Delta kind="number" change={change.sent} base={sent} previousBase={previous.sent} /></span>
      </a>
      {shares.map(([label, status, rate, number, difference, lessIsGood]) => (
        <a key={status} href={emailsOf(scope, summary, status)} title={fraction(number, sent, 'sent')}>
          <span class="label">{label}</span>
          <span class="value">{byActivity(summary) ? count(number) : <>{percent(rate)} <span class="small muted">{count(number)}</span></>}</span>
          {!byActivity(summary) && <span class="small"><Delta change={difference} base={sent} previousBase={previous.sent} lessIsGood={lessIsGood} /></span>}
        </a>
      ))}
      {byActivity(summary) ? (
        <div><span class="label">Mean time to open</span><span class="value">{duration(summary.avg_time_to_open)}</span></div>
      ) : (
        <div title="Half of the opened emails were opened sooner after sending">
          <span class="label">Median time to open</span>
          <span class="value">{duration(summary.median_time_to_open)}</span>
          <span class="small"><Delta kind="seconds" lessIsGood change={change.median_time_to_open ?? null} base={summary.opened} previousBase={previous.opened} /></span>
        </div>
      )}
    </div>
  );
}

// What is left out of the rates, and why; and the three numbers behind it.
export function LeftOut({ summary, shown }: { summary: Summary; shown: boolean }): JSX.Element | null {
  const { machine_opens, machine_clicks, sent, open_base, anonymous_opens = 0 } = summary;
  const unmeasured = sent - open_base;
  if (machine_opens + machine_clicks + unmeasured + anonymous_opens === 0) return null;
  const toggle = () => setQuery({ auto: shown ? '' : '1' }, { replace: true });
  return (
    <div class="small muted stack" style={{ gap: '4px' }}>
      {machine_opens + machine_clicks > 0 && (
        <p>
          {count(machine_opens)} automatic {machine_opens === 1 ? 'open' : 'opens'}{machine_clicks > 0 ? ` and ${count(machine_clicks)} automatic ${machine_clicks === 1 ? 'click' : 'clicks'}` : ''} by mail services and scanners left out.{' '}
          <button type="button" class="link" aria-expanded={shown} onClick={toggle}>{shown ? 'Hide' : 'Show'}</button>
        </p>
      )}
      {shown && (
        <table class="narrow">
          <thead><tr><th scope="col">Events</th><th scope="col" class="num">Recorded</th><th scope="col" class="num">Automatic</th><th scope="col" class="num">By people</th></tr></thead>
          <tbody>
            <tr><th scope="row">Opens</th><td class="num">{count(summary.recorded_opens)}</td><td class="num">{count(machine_opens)}</td><td class="num">{count(summary.opens)}</td></tr>
            <tr><th scope="row">Clicks</th><td class="num">{count(summary.recorded_clicks)}</td><td class="num">{count(machine_clicks)}</td><td class="num">{count(summary.clicks)}</td></tr>
          </tbody>
        </table>
      )}
      {unmeasured > 0 && <p>Sent without open tracking, and no part of the open rate: {count(unmeasured)} of {count(sent)} emails.</p>}
      {anonymous_opens > 0 && <p>Opens only counted, without knowing whose, as the organization or the person asked: {count(anonymous_opens)}.</p>}
    </div>
  );
}

function bestDay(rows: Interval[]): string {
  const good = rows.filter(({ open_base, open_rate }) => open_base >= LOW_VOLUME && open_rate !== null);
  const best = good.reduce<Interval | null>((most, row) => (most === null || row.open_rate! > most.open_rate! ? row : most), null);
  return best ? ` Most opened were the emails sent ${best.from === best.to ? 'on ' : ''}${intervalName(best)}: ${percent(best.open_rate, 0)} of ${count(best.open_base)}.` : '';
}

function sentence(rows: Interval[], summary: Summary | undefined): string {
  if (summary && byActivity(summary)) return `${count(summary.opened)} ${summary.opened === 1 ? 'email was' : 'emails were'} first opened in these days, and ${count(summary.clicked)} first clicked, whenever they were sent.`;
  if (!summary || summary.open_rate === null) return 'Opens were not measured in this period.';
  const before = summary.previous.open_rate;
  const points = before === null ? 0 : summary.open_rate - before;
  const verb = Math.abs(points) < 0.05 ? 'stayed at' : points > 0 ? `rose from ${percent(before)} to` : `fell from ${percent(before)} to`;
  return `${before === null ? `Opens are at ${percent(summary.open_rate)}` : `Opens ${verb} ${percent(summary.open_rate)}`}.${bestDay(rows)}`;
}

const columns = (scope: Scope): Column<Interval>[] => [
  { key: 'day', label: 'Days', head: true, cell: (row) => intervalName(row) },
  { key: 'sent', label: 'Sent', number: true, cell: (row) => <a href={emailsOf(scope, row)}>{count(row.sent)}</a> },
  { key: 'opened', label: 'Opened', number: true, cell: (row) => count(row.opened) },
  { key: 'open_rate', label: 'Open rate', number: true, cell: (row) => percent(row.open_rate) },
  { key: 'clicked', label: 'Clicked', number: true, cell: (row) => count(row.clicked) },
  { key: 'click_rate', label: 'Click rate', number: true, cell: (row) => percent(row.click_rate) },
];

type Series = Resource<Report<Interval>>;

interface OverTimeProps {
  rows: Series;
  before: Series;
  scope: Scope;
  summary: Summary | undefined;
  view: ChartView;
  compare: boolean;
  table: boolean;
}

export function OverTime({ period, ...rest }: Omit<OverTimeProps, 'rows' | 'before'> & { period: Period }): JSX.Element {
  const { scope, summary, compare } = rest;
  const span = spanOf(period);
  const interval = intervalFor(span, Boolean(scope.template || scope.campaign));
  const filter = { job: scope.job, template: scope.template, campaign: scope.campaign, sender: scope.sender, basis: scope.basis, interval: interval === 'day' ? undefined : interval };
  const rows = useResource<Report<Interval>>(`/engagement/series${query({ from: period.from, to: period.to, ...filter })}`);
  const before = useResource<Report<Interval>>(compare && summary ? `/engagement/series${query({ from: summary.previous.from, to: summary.previous.to, ...filter })}` : null);
  return <OverTimeOf {...rest} rows={rows} before={before} />;
}

export function OverTimeOf({ rows, before, scope, summary, view: wanted, compare, table }: OverTimeProps): JSX.Element {
  const activity = scope.basis === 'activity';
  const view = activity ? 'counts' : wanted;
  useKeys({ x: () => setQuery({ cmp: compare ? '' : '1' }) });
  return (
    <section class="card" aria-labelledby="over-time">
      <header>
        <h2 id="over-time">Engagement over time</h2>
        <div class="row">
          {!activity && <Toggles label="Values" value={view} options={[['rates', 'Rates'], ['counts', 'Counts']]} onChange={(value) => setQuery({ view: value === 'rates' ? '' : value }, { replace: true })} />}
          <Small aria-pressed={compare} onClick={() => setQuery({ cmp: compare ? '' : '1' })}>Compare</Small>
          <Small aria-pressed={table} onClick={() => setQuery({ table: table ? '' : '1' }, { replace: true })}>As table</Small>
        </div>
      </header>
      <Panel of={rows} height={304}>
        {({ data }) =>
          data.every(({ sent, opened, clicked }) => sent + opened + clicked === 0) ? (
            <div class="state" style={{ minHeight: '304px' }}><strong>No emails in this period</strong><p>Days with emails appear here as a line.</p></div>
          ) : (
            <>
              <p class="small sub" style={{ marginBottom: '8px', minHeight: '18px' }}>{sentence(data, summary)}</p>
              {table ? (
                <div class="limited">
                  <DataTable label="Engagement over time" columns={columns(scope)} rows={data} rowKey={({ from }) => from} />
                </div>
              ) : (
                <LineChart rows={data} previous={compare ? before.data?.data : undefined} view={view} onOpen={(row) => navigate(emailsOf(scope, row, activity ? 'opened' : undefined))} />
              )}
              {compare && summary && <p class="small muted">Compared with {spanText(summary.previous.from, summary.previous.to)}.</p>}
            </>
          )
        }
      </Panel>
    </section>
  );
}
