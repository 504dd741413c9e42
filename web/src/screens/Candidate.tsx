// One candidate: how engaged, why, and what happened (UC-558, "Candidate Engagement Indicator").
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { query, useResource } from '../api';
import { count, dayText, dayOf, nameOf, percent } from '../format';
import { candidateKey, thing } from '../links';
import { usePages } from '../pages';
import { choice, navigate, readQuery, search, setQuery } from '../router';
import type { Candidate as Person, Email, Event, Page } from '../types';
import { Badge, isUntracked, Meter } from '../ui/Badge';
import { DataTable } from '../ui/DataTable';
import { More } from '../ui/More';
import { Empty, Panel } from '../ui/Panel';
import { Spark } from '../ui/Spark';
import { Timeline } from '../ui/Timeline';
import { Title } from '../ui/Title';
import { emailColumns } from './Emails';

const parameters = { auto: choice('', '1') };

function NoScore({ person }: { person: Person }): JSX.Element {
  if (isUntracked(person))
    return <p class="sub">{person.tracking === 'none' ? 'This person asked not to be tracked.' : 'For this person, opens and clicks are only counted without a name.'} So there is no score, which says nothing about their interest.</p>;
  if ((person.stats?.sent ?? 0) === 0) return <p class="sub">No email was sent to this candidate yet. A score appears after the first one.</p>;
  return <p class="sub">No email of the last 90 days could be measured, so there is nothing to base a score on.</p>;
}

const partWords: Record<string, string> = { recency: 'How recently', opens: 'Opens', clicks: 'Clicks' };

// The parts add up to the score; the notes say what was left out, or counts in another way.
function Why({ person }: { person: Person }): JSX.Element {
  const { score_parts: parts = [], explanation = [], next_change: next } = person;
  const notes = explanation.filter(({ part }) => part === null);
  const fall = next?.score == null ? null : next.score - (person.engagement_score ?? 0);
  return (
    <>
      <h3>Why this score</h3>
      <ul class="parts">
        {parts.map((part) => (
          <li key={part.part}>
            <span>{partWords[part.part] ?? part.part}</span>
            <strong>{part.measured ? part.points : '–'} <span class="muted" style={{ fontWeight: 400 }}>of {part.max}</span></strong>
            <p>{part.text}</p>
          </li>
        ))}
      </ul>
      {notes.map((note) => <p key={note.code} class="small sub">{note.text}</p>)}
      {next && <p class="small muted">{fall === null ? 'No score' : `${fall > 0 ? '+' : '−'}${Math.abs(fall)}`} on {dayText(dayOf(next.at))} if nothing new happens.</p>}
    </>
  );
}

function Engagement({ person }: { person: Person }): JSX.Element {
  const score = isUntracked(person) ? null : person.engagement_score;
  if (person.engagement_level === undefined && !isUntracked(person)) return <p class="sub">Scores are switched off for this organization, or not yours to see.</p>;
  return (
    <div class="stack" style={{ gap: '12px' }}>
      <div class="row">
        <strong>Engagement:</strong> <Badge candidate={person} long />
        <span class="grow" />
        {score != null && <strong>{score}/100</strong>}
      </div>
      {score == null ? <NoScore person={person} /> : (
        <>
          <Meter score={score} level={person.engagement_level ?? 'unknown'} />
          {person.trend && person.trend.length > 1 && <Spark points={person.trend} />}
          <Why person={person} />
        </>
      )}
      <p class="small muted">A hint for follow-up, not a statement on suitability.</p>
    </div>
  );
}

function Stats({ person }: { person: Person }): JSX.Element {
  const stats = person.stats;
  if (!stats) return <p class="muted">No figures for this person.</p>;
  const to = (status?: string) => `/emails${query({ status, candidate: candidateKey(person) })}`;
  const parts: [string, number, string, number | null][] = [['opened', stats.opened, 'opened', stats.open_rate], ['clicked', stats.clicked, 'clicked', stats.click_rate], ['replied', stats.replied, 'replied', stats.reply_rate]];
  return (
    <p>
      <span class="muted">Email stats: </span>
      <a href={to()}>{count(stats.sent)} sent</a>
      {parts.map(([status, number, word, rate]) => <span key={status}> <span class="muted">|</span> <a href={to(status)}>{count(number)} {word}</a>{rate === null ? '' : ` (${percent(rate, 0)})`}</span>)}
    </p>
  );
}

export function Candidate({ id }: { id: string }): JSX.Element {
  const values = readQuery(parameters);
  const path = `/candidates/${encodeURIComponent(id)}`;
  const person = useResource<Person>(path);
  const timeline = useResource<Page<Event>>(`${path}/timeline?limit=200`);
  const emails = usePages<Email>(`/emails${query({ candidate: id, limit: 20 })}`);
  // An address with an email address in it, from before there were numbers, is put right.
  const better = person.data && !person.old && id.includes('@') ? candidateKey(person.data) : id;
  useEffect(() => {
    if (better !== id) navigate(thing('candidates', better, search.value), { replace: true });
  }, [better]);
  if (person.problem?.status === 404 && !person.data)
    return <div class="card"><Title of="Candidate">Candidate</Title><Panel of={person} height={120}>{() => null}</Panel></div>;
  return (
    <>
      <div class="head">
        <div>
          <p class="crumb"><a href="/candidates">Candidates</a></p>
          <Title of={person.data ? nameOf(person.data) : 'Candidate'}>{person.data ? nameOf(person.data) : 'Candidate'}</Title>
          <p class="sub">{person.data ? [person.data.title && `${person.data.title}`, person.data.email].filter(Boolean).join(' · ') : ' '}</p>
        </div>
      </div>
      <div class="two first">
        <section class="card" aria-labelledby="engagement">
          <h2 id="engagement" class="hidden-text">Engagement</h2>
          <Panel of={person} height={300}>
            {(data) => (
              <div class="stack">
                <Engagement person={data} />
                <Stats person={data} />
              </div>
            )}
          </Panel>
        </section>
        <div class="stack">
          <section class="card" aria-labelledby="activity">
            <header><h2 id="activity">Recent activity</h2></header>
            <Panel of={timeline} height={360}>
              {(page) => (
                <>
                  {person.data && isUntracked(person.data) && <p class="notice">Since this person asked for it, opens and clicks are no longer recorded here. Replies, bounces and unsubscriptions are.</p>}
                  <Timeline events={page.data} subjects showAutomatic={values.auto === '1'} onAutomatic={(shown) => setQuery({ auto: shown ? '1' : '' }, { replace: true })} />
                  {page.truncated && <p class="small muted" style={{ paddingTop: '8px' }}>Earlier activity is on the pages of the emails below.</p>}
                </>
              )}
            </Panel>
          </section>
          <section class="card card-flush" aria-labelledby="their-emails">
            <header><h2 id="their-emails">Emails</h2></header>
            <Panel of={emails} height={200}>
              {(rows) =>
                rows.length === 0 ? <Empty title="No emails to this candidate" /> : (
                  <>
                    <DataTable stacked label="Emails to this candidate" columns={emailColumns({ short: true })} rows={rows} rowKey={(row) => row.id} />
                    {emails.hasMore && <More pages={emails} shown={`${count(rows.length)} shown`} />}
                  </>
                )
              }
            </Panel>
          </section>
        </div>
      </div>
    </>
  );
}
