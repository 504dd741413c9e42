// The organization: its name and days, how it appears to recipients, and how engagement is scored.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { change, refresh, useResource } from '../../api';
import { count, reportZone } from '../../format';
import { me } from '../../state';
import type { Settings } from '../../types';
import { Refusal, useSubmit } from '../../ui/Dialog';
import { Check, Input, Select } from '../../ui/Field';
import { Panel } from '../../ui/Panel';
import { zones } from '../../ui/zones';

// A part of the settings that is saved by itself.
export function Part({ title, what, children }: { title: string; what: () => Partial<Settings> | string; children: JSX.Element | JSX.Element[] }): JSX.Element {
  const [saved, setSaved] = useState('');
  const [wrong, setWrong] = useState('');
  const { busy, problem, submit } = useSubmit(async () => {
    setSaved('');
    const body = what();
    setWrong(typeof body === 'string' ? body : '');
    if (typeof body === 'string') return;
    const now = await change<Settings>('PUT', '/settings', body);
    reportZone.value = now.time_zone;
    if (me.value) me.value = { ...me.value, organization: { ...me.value.organization, name: now.name, time_zone: now.time_zone, tracking: now.tracking } };
    refresh('/settings');
    refresh('/audit-log');
    setSaved('Saved');
  });
  return (
    <section class="card" aria-label={title}>
      <header><h2>{title}</h2></header>
      <form class="form" onSubmit={submit}>
        {children}
        <div role="alert">{wrong && <p class="notice bad">{wrong}</p>}</div>
        <Refusal problem={problem} />
        <div class="row">
          <button type="submit" class="button primary" disabled={busy}>Save<span class="hidden-text"> {title.toLowerCase()}</span></button>
          <span role="status" class="small">{saved}</span>
        </div>
      </form>
    </section>
  );
}

function Organization({ settings }: { settings: Settings }): JSX.Element {
  const [name, setName] = useState(settings.name);
  const [zone, setZone] = useState(settings.time_zone);
  const [domain, setDomain] = useState(settings.tracking_domain ?? '');
  const [color, setColor] = useState(settings.brand_color ?? '');
  return (
    <Part title="Organization" what={() => ({ name: name.trim(), time_zone: zone, tracking_domain: domain.trim(), brand_color: color.trim() })}>
      <Input label="Name of the organization" required maxLength={200} value={name} onInput={(event) => setName(event.currentTarget.value)} />
      <Select label="Time zone of the reports" value={zone} options={zones(zone)} onChange={setZone} />
      <p class="small muted">Emails that were sent keep their day.</p>
      <Input label="Domain of links and pixels" maxLength={253} placeholder="links.example.org" value={domain} onInput={(event) => setDomain(event.currentTarget.value)} hint="A host name of yours that leads to this service; empty: the service’s own." />
      <Input label="Colour of the pages that recipients see" maxLength={7} placeholder="#1a5fb4" value={color} onInput={(event) => setColor(event.currentTarget.value)} />
    </Part>
  );
}

const recencies: ['within_24_hours' | 'within_7_days' | 'within_30_days', string][] = [['within_24_hours', 'Active within 24 hours'], ['within_7_days', 'Active within 7 days'], ['within_30_days', 'Active within 30 days']];

// What the thresholds would make of today's scores. Other points change the scores themselves, which nobody knows before.
function Preview({ settings, hot, warm }: { settings: Settings; hot: number; warm: number }): JSX.Element {
  const scores = useResource<{ unknown: number; scores: number[] }>('/settings/scores');
  if (!scores.data) return <p class="small muted" role="status">{scores.problem ? 'What would change is not known now.' : ' '}</p>;
  const among = (from: number, to: number): number => scores.data!.scores.slice(from, to).reduce((sum, number) => sum + number, 0);
  const levels = (high: number, low: number): number[] => [among(high, 101), among(low, high), among(0, low)];
  const now = levels(settings.score_levels.hot, settings.score_levels.warm);
  const then = levels(hot, warm);
  const words = ['hot', 'warm', 'cold'].map((word, index) => `${count(then[index]!)} ${word}${then[index] === now[index] ? '' : ` (now ${count(now[index]!)})`}`);
  return <p class="small" role="status">With these borders: {words.join(', ')}; {count(scores.data.unknown)} without a score.</p>;
}

function Scores({ settings }: { settings: Settings }): JSX.Element {
  const [enabled, setEnabled] = useState(settings.score_enabled);
  const [points, setPoints] = useState<Record<string, string>>(() => Object.fromEntries(Object.entries(settings.score_points).map(([name, number]) => [name, String(number)])));
  const [hot, setHot] = useState(String(settings.score_levels.hot));
  const [warm, setWarm] = useState(String(settings.score_levels.warm));
  const numbers = Object.fromEntries(Object.entries(points).map(([name, number]) => [name, Number(number)])) as Settings['score_points'];
  const most = numbers.within_24_hours + numbers.opens + numbers.clicks;
  const pointsOf = (name: string, label: string): JSX.Element => (
    <Input key={name} label={label} type="number" required min={0} max={100} value={points[name] ?? ''} onInput={(event) => setPoints({ ...points, [name]: event.currentTarget.value })} />
  );
  const what = (): Partial<Settings> | string => {
    if (most !== 100) return `The points for 24 hours, opens and clicks must add up to 100; now they are ${most}.`;
    if (numbers.within_7_days > numbers.within_24_hours || numbers.within_30_days > numbers.within_7_days) return 'Activity longer ago must not count for more.';
    if (Number(warm) >= Number(hot)) return 'Warm must begin below hot.';
    return { score_enabled: enabled, score_points: numbers, score_levels: { hot: Number(hot), warm: Number(warm) } };
  };
  const borders = [hot, warm].map(Number).every((border) => Number.isInteger(border) && border >= 0 && border <= 100) && Number(warm) < Number(hot);
  return (
    <Part title="Engagement score" what={what}>
      <Check label="Candidates have a score" checked={enabled} onChange={(event) => setEnabled(event.currentTarget.checked)} />
      <p class="small muted">A hint for follow-up, not a statement on suitability. Who is asked to rank applicants by it should know what the law says.</p>
      <div class="row">{recencies.map(([name, label]) => pointsOf(name, label))}{pointsOf('opens', 'Opens, at most')}{pointsOf('clicks', 'Clicks, at most')}</div>
      <p class="small muted" role="status">{most} of 100 points at most. Scores follow within minutes.</p>
      <div class="row">
        <Input label="Warm from" type="number" required min={1} max={99} value={warm} onInput={(event) => setWarm(event.currentTarget.value)} />
        <Input label="Hot from" type="number" required min={2} max={100} value={hot} onInput={(event) => setHot(event.currentTarget.value)} />
      </div>
      {borders ? <Preview settings={settings} hot={Number(hot)} warm={Number(warm)} /> : <p class="small muted">Warm begins below hot, both between 0 and 100.</p>}
    </Part>
  );
}

export function SettingsPage(): JSX.Element {
  const settings = useResource<Settings>('/settings');
  return (
    <Panel of={settings} height={900}>
      {(data) => (
        <div class="stack">
          <Organization settings={data} />
          <Scores settings={data} />
        </div>
      )}
    </Panel>
  );
}
