// What happened, grouped by day. What machines did is kept apart and shown on demand.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { count, dayOf, dayText } from '../format';
import type { Event } from '../types';
import { eventSign, eventWord } from '../vocabulary';
import { Check, Select } from './Field';
import { Icon } from './Icon';
import { Time } from './Time';

const reasonWords = (reason: string): string => reason.replaceAll('_', ' ');

// A link's host and the beginning of its path. It is text: nobody follows it from here.
export function linkText(url: string): string {
  const short = url.replace(/^https?:\/\//, '').replace(/[?#].*$/, '').replace(/\/$/, '');
  return short.length > 60 ? `${short.slice(0, 59)}…` : short;
}

function Item({ event, subjects }: { event: Event; subjects: boolean }): JSX.Element {
  const automatic = event.verdict === 'machine';
  const bounce = event.event_type === 'bounce' && event.bounce_type ? ` (${event.bounce_type})` : '';
  return (
    <li class={automatic ? 'auto' : ''}>
      <span class="dot"><Icon name={eventSign(event.event_type)} /></span>
      <div class="what">
        <span>
          {eventWord(event.event_type)}{bounce}
          {event.url && <> <span class="mono" title={event.url}>{linkText(event.url)}</span></>}
          {subjects && <> {event.event_type === 'click' ? 'in ' : ''}<a href={`/emails/${event.email_log_id}`}>“{event.subject ?? 'no subject'}”</a></>}
        </span>
        {(automatic || event.verdict === 'proxied' || !event.own_recipient) && (
          <span class="row">
            {automatic && <span class="chip warn">automatic</span>}
            {event.verdict === 'proxied' && <span class="chip" title="The mail service loaded the image for its reader">through an image proxy</span>}
            {!event.own_recipient && <span class="chip">another recipient</span>}
            {automatic && event.reasons.map((reason) => <span key={reason} class="small muted">{reasonWords(reason)}</span>)}
          </span>
        )}
        {!subjects && event.user_agent && <span class="small muted">{event.user_agent}{event.ip_address ? ` · ${event.ip_address}` : ''}</span>}
      </div>
      <Time at={event.occurred_at} as={Date.now() - Date.parse(event.occurred_at) < 86_400_000 ? 'ago' : 'clock'} />
    </li>
  );
}

interface TimelineProps {
  events: Event[];
  subjects: boolean; // name the email of each event
  showAutomatic: boolean;
  onAutomatic: (shown: boolean) => void;
  oldestFirst?: boolean;
}

export function Timeline({ events, subjects, showAutomatic, onAutomatic, oldestFirst = false }: TimelineProps): JSX.Element {
  const [type, setType] = useState('');
  const automatic = events.filter(({ verdict }) => verdict === 'machine').length;
  const types = [...new Set(events.map(({ event_type }) => event_type))];
  const shown = events.filter((event) => (showAutomatic || event.verdict !== 'machine') && (type === '' || event.event_type === type));
  const days = new Map<string, Event[]>();
  for (const event of shown) {
    const day = dayOf(event.occurred_at);
    days.set(day, [...(days.get(day) ?? []), event]);
  }
  const sorted = [...days].sort(([a], [b]) => (oldestFirst ? a.localeCompare(b) : b.localeCompare(a)));
  return (
    <div>
      <div class="row">
        {types.length > 1 && <Select label="Show" hideLabel value={type} options={[['', 'All activity'], ...types.map((one): [string, string] => [one, eventWord(one)])]} onChange={setType} />}
        {automatic > 0 && <Check label={`${count(automatic)} automatic ${automatic === 1 ? 'event' : 'events'}`} checked={showAutomatic} onChange={(event) => onAutomatic(event.currentTarget.checked)} />}
      </div>
      {shown.length === 0 && <p class="muted" style={{ padding: '16px 0' }}>{events.length === 0 ? 'Nothing has happened yet.' : 'Nothing of this kind. Choose other activity, or show automatic events.'}</p>}
      {sorted.map(([day, items]) => (
        <section key={day} aria-label={dayText(day, { weekday: true })}>
          <h3 class="day">{dayText(day, { weekday: true })}</h3>
          <ol class="timeline">{items.map((event) => <Item key={event.engagement_event_id} event={event} subjects={subjects} />)}</ol>
        </section>
      ))}
    </div>
  );
}
