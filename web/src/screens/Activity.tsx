// What happens, as it happens: the newest first. Nothing moves while somebody reads: what comes then waits, and is counted.
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { useResource } from '../api';
import { count } from '../format';
import { onFrames } from '../live';
import { place, who } from '../news';
import { readQuery, setQuery, choice, text } from '../router';
import { liveState, may } from '../state';
import type { Candidate, News, Page } from '../types';
import { Icon } from '../ui/Icon';
import { Empty, Panel } from '../ui/Panel';
import { Small } from '../ui/Small';
import { Time } from '../ui/Time';
import { Title } from '../ui/Title';
import { did, eventSign } from '../vocabulary';

const ROWS_MAX = 200;
const SAY_EVERY_MS = 10_000;
const HOTTEST_EVERY_MS = 30_000;
const PATH = `/activity?limit=${ROWS_MAX}`;

const kinds: [string, string, string[]][] = [
  ['opens', 'Opens', ['open']],
  ['clicks', 'Clicks', ['click']],
  ['replies', 'Replies', ['reply']],
  ['bounces', 'Bounces', ['bounce', 'dropped']],
  ['unsubscribes', 'Unsubscriptions', ['unsubscribe', 'group_unsubscribe']],
  ['complaints', 'Complaints', ['spam']],
];
const known = new Set(kinds.flatMap(([, , types]) => types));
const parameters = { without: text(), hot: choice('', '1') };

const identity = (news: News): string => [news.occurred_at, news.email.id, news.event_type, news.url ?? ''].join();

// Both lists as one, each event once, the latest first.
function merged(some: News[], others: News[]): News[] {
  const all = new Map([...others, ...some].map((news) => [identity(news), news])); // of the same the one that is drawn
  return [...all.values()].sort((a, b) => (a.occurred_at < b.occurred_at ? 1 : a.occurred_at > b.occurred_at ? -1 : 0)).slice(0, ROWS_MAX);
}

function Row({ news }: { news: News }): JSX.Element {
  return (
    <li data-row>
      <span class="dot"><Icon name={eventSign(news.event_type)} /></span>
      <div class="what">
        <span><a href={place(news)}>{who(news)}</a> {did(news.event_type, 'the')} <a href={`/emails/${news.email.id}`}>“{news.email.subject ?? 'no subject'}”</a></span>
        {news.job && <span class="small muted">{news.job.title ?? news.job.id}</span>}
      </div>
      <Time at={news.occurred_at} />
    </li>
  );
}

// Rows never change: each is drawn once, so that in a burst only the new ones cost anything.
const drawn = new WeakMap<News, JSX.Element>();
function row(news: News): JSX.Element {
  let there = drawn.get(news);
  if (!there) drawn.set(news, (there = <Row key={identity(news)} news={news} />));
  return there;
}

// Tells screen readers how many came, not what, and seldom.
function useSaid(): [string, (more: number) => void] {
  const [said, setSaid] = useState('');
  const waiting = useRef(0);
  useEffect(() => {
    const timer = setInterval(() => {
      if (waiting.current > 0) setSaid(`${count(waiting.current)} new ${waiting.current === 1 ? 'event' : 'events'}`);
      waiting.current = 0;
    }, SAY_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return [said, (more) => void (waiting.current += more)];
}

export function Activity(): JSX.Element {
  const { without, hot } = readQuery(parameters);
  const latest = useResource<Page<News>>(PATH);
  const hottest = useResource<Page<Candidate>>(hot ? '/candidates?level=hot&limit=200' : null);
  const [rows, setRows] = useState<News[]>([]);
  const [fresh, setFresh] = useState<News[]>([]);
  const [paused, setPaused] = useState(false);
  const [said, say] = useSaid();
  const list = useRef<HTMLDivElement>(null);
  const reading = useRef(false);
  const off = new Set(without.split(','));
  const people = useMemo(() => new Set(hottest.data?.data.map(({ id }) => id)), [hottest.data]);
  const wanted = (news: News): boolean =>
    kinds.some(([name, , types]) => !off.has(name) && types.includes(news.event_type)) && (!hot || !hottest.data || people.has(news.candidate?.id ?? ''));

  // Scrolled, under the pointer, with the focus: then nothing may move. The first of it is the place to look at.
  const held = (): boolean => paused || reading.current || (list.current?.contains(document.activeElement) ?? false) || (list.current?.getBoundingClientRect().top ?? 0) < 0;
  const showAll = (): void => {
    setRows((before) => merged(before, fresh));
    setFresh([]);
  };

  const current = useRef({ held, wanted, say, showAll });
  current.current = { held, wanted, say, showAll };
  useEffect(() => {
    if (latest.data) setRows((before) => merged(before, latest.data!.data));
  }, [latest.data]);
  useEffect(
    () =>
      onFrames((frames) => {
        const news = frames.flatMap(({ kind, data }) => (kind === 'engagement' && known.has(data.event_type) ? [data] : []));
        if (news.length === 0) return;
        current.current.say(news.filter(current.current.wanted).length);
        if (current.current.held()) return setFresh((before) => merged(before, news));
        current.current.showAll();
        setRows((before) => merged(before, news));
      }),
    [],
  );
  useEffect(() => {
    if (!hot) return;
    const timer = setInterval(hottest.reload, HOTTEST_EVERY_MS);
    return () => clearInterval(timer);
  }, [hot]);

  const shown = rows.filter(wanted);
  const there = new Set(rows.map(identity));
  const waiting = fresh.filter((news) => wanted(news) && !there.has(identity(news))).length;
  const toggle = (name: string): void => {
    const now = new Set(without ? off : []);
    if (!now.delete(name)) now.add(name);
    setQuery({ without: [...now].join(',') });
  };
  return (
    <>
      <div class="head">
        <div>
          <Title of="Activity">Activity</Title>
          <p class="sub small">What people did with the emails, as it happens; of the last seven days.</p>
        </div>
        <Small aria-pressed={paused} onClick={() => { if (paused) showAll(); setPaused(!paused); }}>Pause</Small>
      </div>
      <div class="row" role="group" aria-label="Show">
        {kinds.map(([name, words]) => <Small key={name} aria-pressed={!off.has(name)} onClick={() => toggle(name)}>{words}</Small>)}
        {may('scores') && <Small aria-pressed={hot === '1'} onClick={() => setQuery({ hot: hot ? '' : '1' })}><Icon name="flame" /> Hottest</Small>}
      </div>
      <div class="stack" onPointerEnter={() => (reading.current = true)} onPointerLeave={() => { reading.current = false; if (!held()) showAll(); }}>
        <p class="row fresh">
          <span class="muted small" role="status">{paused ? 'Paused' : liveState.value === 'Reconnecting' ? 'Reconnecting: what is missed will be added' : liveState.value}<span class="hidden-text"> {said}</span></span>
          {waiting > 0 && <Small tone="primary" onClick={() => { showAll(); window.scrollTo(0, 0); document.querySelector<HTMLElement>('h1')?.focus(); }}>{count(waiting)} new – show</Small>}
        </p>
        {hot && hottest.problem && <p class="notice warn">{hottest.problem.detail}</p>}
        <section class="card" aria-label="Latest activity">
          <div ref={list}>
            <Panel of={latest} height={480}>
              {() =>
                shown.length > 0 ? <ol class="timeline">{shown.map(row)}</ol>
                : rows.length > 0 ? <Empty title="Nothing of this kind"><Small onClick={() => setQuery({ without: '', hot: '' })}>Show all activity</Small></Empty>
                : <Empty title="Nothing happened in the last seven days"><p>As soon as somebody opens an email, clicks or replies, it appears here by itself.</p></Empty>
              }
            </Panel>
          </div>
        </section>
      </div>
    </>
  );
}
