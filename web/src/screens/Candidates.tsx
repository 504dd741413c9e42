// Candidates, the most engaged first where there are scores.
import type { JSX } from 'preact';
import { query, useResource } from '../api';
import { addDays, count, fraction, nameOf, today } from '../format';
import { candidateKey, thing } from '../links';
import { usePages } from '../pages';
import { choice, readQuery, setQuery, text } from '../router';
import { may } from '../state';
import type { Candidate, Engagement, Settings } from '../types';
import { Badge, MEANING } from '../ui/Badge';
import { DataTable, type Column } from '../ui/DataTable';
import { Select, Toggles } from '../ui/Field';
import { Filters, GroupFilter, Views } from '../ui/Filters';
import { Csv, More } from '../ui/More';
import { Empty, Panel } from '../ui/Panel';
import { Small } from '../ui/Small';
import { Line } from '../ui/Spark';
import { Time } from '../ui/Time';
import { Title } from '../ui/Title';
import { viewParameters, viewQuery } from '../views';

const parameters = {
  level: choice('', 'hot', 'warm', 'cold', 'unknown'), sort: choice('-score', 'score', 'newest'), replied: choice('', 'no', 'yes'), days: choice('', '1', '7', '30'), job: text(), scope: viewParameters.scope,
};
const NONE = { level: '', replied: '', days: '', job: '', scope: '' };

const share = (part: number, base: number) => <span title={fraction(part, base, 'measurable')}>{base === 0 ? '–' : `${count(part)} of ${count(base)}`}</span>;

// A line has at least three points.
const knownOf = ({ score_trend }: Candidate): number[] => score_trend?.filter((score) => score !== null) ?? [];
const trended = (row: Candidate): boolean => knownOf(row).length > 2;

// The change of 30 days in words beside the line, for who cannot see it.
function Trend({ of }: { of: Candidate }): JSX.Element | null {
  const known = knownOf(of);
  if (!trended(of)) return null;
  const change = known.at(-1)! - known[0]!;
  return <span class="row small muted" title={`From ${known[0]} to ${known.at(-1)} within 30 days`}><Line scores={of.score_trend!} />{change === 0 ? '±0' : `${change > 0 ? '+' : '−'}${Math.abs(change)}`}</span>;
}

function jobsOf({ jobs = [] }: Candidate): JSX.Element {
  if (jobs.length === 0) return <span class="muted">–</span>;
  return <span title={jobs.map(nameOf).join(', ')}><a href={thing('jobs', jobs[0]!.id)}>{nameOf(jobs[0])}</a>{jobs.length > 1 && <span class="small muted"> +{jobs.length - 1}</span>}</span>;
}

const columns: Column<Candidate>[] = [
  { key: 'name', label: 'Candidate', head: true, cell: (row) => <span class="two-lines"><a href={thing('candidates', candidateKey(row))}>{nameOf(row)}</a><span class="small muted">{row.title ?? ''}</span></span> },
  { key: 'job', label: 'Job', wide: true, cell: jobsOf },
  { key: 'level', label: 'Engagement', cell: (row) => <Badge candidate={row} /> },
  { key: 'trend', label: '30 days', title: 'The score of the last 30 days', wide: true, fit: true, cell: (row) => <Trend of={row} /> },
  { key: 'active', label: 'Last activity', title: 'The latest open, click or reply by the person', fit: true, cell: (row) => <Time at={row.last_engaged_at} /> },
  { key: 'sent', label: 'Emails', number: true, cell: (row) => (row.stats ? <a href={`/emails?candidate=${encodeURIComponent(row.id)}`}>{count(row.stats.sent)}</a> : '–') },
  { key: 'opened', label: 'Opened', number: true, cell: (row) => (row.stats ? share(row.stats.opened, row.stats.open_base) : '–') },
  { key: 'clicked', label: 'Clicked', number: true, cell: (row) => (row.stats ? share(row.stats.clicked, row.stats.click_base) : '–') },
  { key: 'replied', label: 'Replied', number: true, cell: (row) => (row.stats ? count(row.stats.replied) : '–') },
];

export function Candidates(): JSX.Element {
  const values = readQuery(parameters);
  const settings = useResource<Settings>('/settings');
  const scored = may('scores') && settings.data?.score_enabled === true;
  const { sender } = viewQuery(values);
  const filter = { job: values.job, sender, ...(scored ? { sort: values.sort === 'newest' ? undefined : values.sort, level: values.level, replied: values.replied, engaged_days: values.days } : {}) };
  const pages = usePages<Candidate>(settings.data || settings.problem ? `/candidates${query(filter)}` : null);
  const level = values.level as Engagement | '';
  const filtered = values.job !== '' || values.scope !== '' || (scored && values.level + values.replied + values.days !== '');
  return (
    <>
      <div class="head">
        <div>
          <Title of="Candidates">Candidates</Title>
          <p class="sub small">{scored ? 'The score is a hint for follow-up, not a statement on suitability.' : 'Everybody who was sent an email.'}</p>
        </div>
        <Csv path={`/candidates${query({ ...filter, limit: 200 })}`} name="candidates" />
      </div>
      <Filters>
        {scored && (
          <div class="field">
            <span class="label">Engagement</span>
            <Toggles label="Engagement" value={values.level} options={[['', 'All'], ['hot', 'Hot'], ['warm', 'Warm'], ['cold', 'Cold'], ['unknown', 'No score']]} onChange={(value) => setQuery({ level: value })} />
          </div>
        )}
        <Views scope={values.scope} />
        <GroupFilter kind="jobs" name="job" label="Job" all="All jobs" value={values.job} span={query({ from: addDays(today(), -364), to: today() })} />
        {scored && (
          <>
            <Select label="Reply" value={values.replied} options={[['', 'Any'], ['no', 'No reply'], ['yes', 'Replied']]} onChange={(replied) => setQuery({ replied })} />
            <Select label="Last activity" value={values.days} options={[['', 'Any time'], ['1', 'Within 24 hours'], ['7', 'Within 7 days'], ['30', 'Within 30 days']]} onChange={(days) => setQuery({ days })} />
            <Select label="Order" value={values.sort} options={[['-score', 'Most engaged first'], ['score', 'Least engaged first'], ['newest', 'Newest first']]} onChange={(sort) => setQuery({ sort: sort === '-score' ? '' : sort })} />
          </>
        )}
        {scored && level && <p class="small muted" style={{ paddingBottom: '8px' }}>{MEANING[level]}</p>}
      </Filters>
      <section class="card card-flush" aria-label="Candidates">
        <Panel of={pages} height={480}>
          {(rows) =>
            rows.length === 0 ? (
              filtered ? (
                <Empty title="No candidate fits"><p>Nobody is like this now.</p><Small onClick={() => setQuery(NONE)}>Show all candidates</Small></Empty>
              ) : (
                <Empty title="No candidates yet"><p>They appear here with the first email that is registered for them.</p></Empty>
              )
            ) : (
              <>
                <DataTable stacked label="Candidates" columns={columns.filter(({ key }) => (key !== 'level' || scored) && (key !== 'trend' || (scored && rows.some(trended))))} rows={rows} rowKey={({ id }) => id} />
                <More pages={pages} shown={`${count(rows.length)} shown`} />
              </>
            )
          }
        </Panel>
      </section>
    </>
  );
}
