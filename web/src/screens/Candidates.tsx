// Candidates, the most engaged first where there are scores.
import type { JSX } from 'preact';
import { query, useResource } from '../api';
import { count, fraction, nameOf } from '../format';
import { candidateKey, thing } from '../links';
import { usePages } from '../pages';
import { choice, readQuery, setQuery } from '../router';
import { may } from '../state';
import type { Candidate, Engagement, Settings } from '../types';
import { Badge, MEANING } from '../ui/Badge';
import { DataTable, type Column } from '../ui/DataTable';
import { Select, Toggles } from '../ui/Field';
import { Filters } from '../ui/Filters';
import { Csv, More } from '../ui/More';
import { Empty, Panel } from '../ui/Panel';
import { Time } from '../ui/Time';
import { Title } from '../ui/Title';

const parameters = { level: choice('', 'hot', 'warm', 'cold', 'unknown'), sort: choice('-score', 'score', 'newest') };

const share = (part: number, base: number) => <span title={fraction(part, base, 'measurable')}>{base === 0 ? '–' : `${count(part)} of ${count(base)}`}</span>;

const columns: Column<Candidate>[] = [
  { key: 'name', label: 'Candidate', head: true, cell: (row) => <span class="two-lines"><a href={thing('candidates', candidateKey(row))}>{nameOf(row)}</a><span class="small muted">{row.title ?? ''}</span></span> },
  { key: 'level', label: 'Engagement', cell: (row) => <Badge candidate={row} /> },
  { key: 'sent', label: 'Emails', number: true, cell: (row) => (row.stats ? <a href={`/emails?candidate=${encodeURIComponent(row.id)}`}>{count(row.stats.sent)}</a> : '–') },
  { key: 'opened', label: 'Opened', number: true, wide: true, cell: (row) => (row.stats ? share(row.stats.opened, row.stats.open_base) : '–') },
  { key: 'clicked', label: 'Clicked', number: true, wide: true, cell: (row) => (row.stats ? share(row.stats.clicked, row.stats.click_base) : '–') },
  { key: 'replied', label: 'Replied', number: true, wide: true, cell: (row) => (row.stats ? count(row.stats.replied) : '–') },
  { key: 'last', label: 'Last email', fit: true, cell: (row) => <Time at={row.last_sent_at} /> },
];

export function Candidates(): JSX.Element {
  const values = readQuery(parameters);
  const settings = useResource<Settings>('/settings');
  const scored = may('scores') && settings.data?.score_enabled === true;
  const filter = scored ? { sort: values.sort === 'newest' ? undefined : values.sort, level: values.level } : {};
  const pages = usePages<Candidate>(settings.data || settings.problem ? `/candidates${query(filter)}` : null);
  const level = values.level as Engagement | '';
  return (
    <>
      <div class="head">
        <div>
          <Title of="Candidates">Candidates</Title>
          <p class="sub small">{scored ? 'The score is a hint for follow-up, not a statement on suitability.' : 'Everybody who was sent an email.'}</p>
        </div>
        <Csv path={`/candidates${query({ ...filter, limit: 200 })}`} name="candidates" />
      </div>
      {scored && <Filters>
        <div class="field">
          <span class="label">Engagement</span>
          <Toggles label="Engagement" value={values.level} options={[['', 'All'], ['hot', 'Hot'], ['warm', 'Warm'], ['cold', 'Cold'], ['unknown', 'No score']]} onChange={(value) => setQuery({ level: value })} />
        </div>
        <Select label="Order" value={values.sort} options={[['-score', 'Most engaged first'], ['score', 'Least engaged first'], ['newest', 'Newest first']]} onChange={(sort) => setQuery({ sort: sort === '-score' ? '' : sort })} />
        {level && <p class="small muted" style={{ paddingBottom: '8px' }}>{MEANING[level]}</p>}
      </Filters>}
      <section class="card card-flush" aria-label="Candidates">
        <Panel of={pages} height={480}>
          {(rows) =>
            rows.length === 0 ? (
              level ? (
                <Empty title="No candidate fits"><p>Nobody is at this level now.</p><button type="button" class="button small" onClick={() => setQuery({ level: '' })}>Show all candidates</button></Empty>
              ) : (
                <Empty title="No candidates yet"><p>They appear here with the first email that is registered for them.</p></Empty>
              )
            ) : (
              <>
                <DataTable stacked label="Candidates" columns={scored ? columns : columns.filter(({ key }) => key !== 'level')} rows={rows} rowKey={({ id }) => id} />
                <More pages={pages} shown={`${count(rows.length)} shown`} />
              </>
            )
          }
        </Panel>
      </section>
    </>
  );
}
