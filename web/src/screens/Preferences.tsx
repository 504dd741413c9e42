// What one wants to be told of, and how. Every choice is saved at once; what was changed elsewhere meanwhile is not overwritten.
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { change, Problem, refresh, useResource } from '../api';
import { onMessage, tell } from '../live';
import { savePreference, TOAST_SECONDS, toastSeconds } from '../preferences';
import { keysOn, may, me } from '../state';
import type { NotificationPreferences } from '../types';
import { Check, Input, Select } from '../ui/Field';
import { Panel } from '../ui/Panel';
import { Title } from '../ui/Title';

const PATH = '/me/notification-preferences';
const MEANWHILE = 'This was changed in another window meanwhile. Here is what holds now; your last choice was not saved.';
const events: [string, string][] = [['click', 'Clicks'], ['reply', 'Replies'], ['bounce', 'Bounces'], ['unsubscribe', 'Unsubscriptions'], ['spam', 'Complaints (marked as spam)']];

type Save = (changes: Partial<NotificationPreferences>) => void;

function Told({ mine, save }: { mine: NotificationPreferences; save: Save }): JSX.Element {
  const opens = mine.events.includes('open') ? 'open' : mine.events.includes('first_open') ? 'first_open' : '';
  const others = mine.events.filter((name) => !name.endsWith('open'));
  const scopes: [string, string][] = [['mine', 'Emails that I sent'], ['jobs', 'Emails about my jobs'], ['team', me.value!.role === 'hiring_manager' ? 'All that I may see' : 'Emails of everybody']];
  return (
    <div class="form">
      <fieldset>
        <legend>Tell me in the application of</legend>
        <Select label="Opens" value={opens} options={[['open', 'Every open'], ['first_open', 'Only the first open of an email'], ['', 'None']]} onChange={(value) => save({ events: [...others, ...(value ? [value] : [])] })} />
        {events.map(([name, words]) => (
          <Check key={name} label={words} checked={mine.events.includes(name)} onChange={(event) => save({ events: event.currentTarget.checked ? [...mine.events, name] : mine.events.filter((one) => one !== name) })} />
        ))}
      </fieldset>
      <Select label="Of whose emails" value={mine.scope} options={scopes} onChange={(scope) => save({ scope: scope as NotificationPreferences['scope'] })} />
      {may('scores') && <Check label="Only of candidates who are Hot" checked={mine.hot_only} onChange={(event) => save({ hot_only: event.currentTarget.checked })} />}
      <Select label="Count as one what the same candidate repeats within" value={String(mine.merge_seconds)} options={[...new Set([0, 60, 600, 3600, mine.merge_seconds])].sort((a, b) => a - b).map((seconds): [string, string] => [String(seconds), seconds === 0 ? 'Never' : seconds % 60 ? `${seconds} seconds` : seconds === 60 ? '1 minute' : seconds === 3600 ? '1 hour' : `${seconds / 60} minutes`])} onChange={(value) => save({ merge_seconds: Number(value) })} />
    </div>
  );
}

function Quiet({ mine, save }: { mine: NotificationPreferences; save: Save }): JSX.Element {
  const quiet = mine.quiet_hours;
  const at = (name: 'from' | 'to') => (event: { currentTarget: HTMLInputElement }): void => {
    if (/^\d\d:\d\d$/.test(event.currentTarget.value)) save({ quiet_hours: { ...quiet!, [name]: event.currentTarget.value } });
  };
  return (
    <div class="form">
      <Check label="No toasts during quiet hours; the list has what came" checked={quiet !== null} onChange={(event) => save({ quiet_hours: event.currentTarget.checked ? { from: '20:00', to: '07:30' } : null })} />
      {quiet && (
        <div class="row">
          <Input label="From" type="time" value={quiet.from} onChange={at('from')} />
          <Input label="To" type="time" value={quiet.to} onChange={at('to')} />
          <span class="small muted">in {me.value!.time_zone}, your time zone</span>
        </div>
      )}
    </div>
  );
}

export function Preferences(): JSX.Element {
  const stored = useResource<NotificationPreferences>(PATH);
  const [mine, setMine] = useState<NotificationPreferences | null>(null);
  const [said, setSaid] = useState('');
  const [problem, setProblem] = useState('');
  const held = useRef<NotificationPreferences | null>(null);
  const queue = useRef(Promise.resolve());
  const shown = mine ?? stored.data;
  useEffect(() => {
    if (!stored.data) return;
    held.current = stored.data;
    setMine(null);
  }, [stored.data]);
  useEffect(
    () =>
      onMessage((message) => {
        if (message.of !== 'changed') return;
        setSaid('Changed in another window.');
        refresh(PATH);
      }),
    [],
  );
  const failed = (failure: unknown): void => {
    setSaid('');
    setProblem(failure instanceof Problem && failure.status === 409 ? MEANWHILE : failure instanceof Problem ? `Not saved: ${failure.detail}` : 'Not saved.');
    refresh(PATH);
    setMine(null);
  };
  const done = (what: string): void => {
    setProblem('');
    setSaid('Saved.');
    tell({ of: 'changed', what });
  };
  // One after the other: each is meant for what the one before it left.
  const save: Save = (changes) => {
    setMine((before) => ({ ...(before ?? stored.data!), ...changes }));
    queue.current = queue.current.then(async () => {
      try {
        held.current = await change<NotificationPreferences>('PUT', PATH, { ...held.current, ...changes });
        setMine(held.current);
        done('notifications');
      } catch (failure) {
        failed(failure);
      }
    });
  };
  const keep = (name: string, value: unknown): void => {
    savePreference(name, value).then((saved) => (saved ? done('me') : setProblem(MEANWHILE)), failed);
  };
  return (
    <>
      <div class="head">
        <div>
          <p class="crumb"><a href="/notifications">Notifications</a></p>
          <Title of="Notification preferences">Notification preferences</Title>
          <p class="sub small">Every choice is saved at once. <span role="status">{said}</span></p>
        </div>
      </div>
      <div role="alert">{problem && <p class="notice bad">{problem}</p>}</div>
      <section class="card" aria-label="What you are told of"><Panel of={stored} height={420}>{() => <Told mine={shown!} save={save} />}</Panel></section>
      <section class="card" aria-labelledby="quiet"><header><h2 id="quiet">Quiet hours</h2></header><Panel of={stored} height={32}>{() => <Quiet mine={shown!} save={save} />}</Panel></section>
      <section class="card" aria-labelledby="toasts">
        <header><h2 id="toasts">Toasts and keys</h2></header>
        <div class="form">
          <Select label="A toast stays for" value={String(toastSeconds())} options={TOAST_SECONDS.map((seconds) => [String(seconds), seconds ? `${seconds} seconds` : 'Until it is closed'])} onChange={(value) => keep('toast_seconds', Number(value))} />
          <p class="small muted">Time stands still while the pointer or the focus is on it. F8 leads to the latest, Esc closes it.</p>
          <Check label="Single keys move about and filter (the key ? lists them)" checked={keysOn.value} onChange={(event) => keep('keys', event.currentTarget.checked)} />
        </div>
      </section>
    </>
  );
}
