// <inkling-timeline>: what happened with a candidate's emails, or with one email, the latest first. What machines did is
// shown on demand.
import type { Event, Page } from '../types';
import { make, type Child } from './dom';
import { InklingElement, type Subject } from './element';

const LIMIT_USUAL = 30;
const LIMIT_MOST = 500;
const LINK_LENGTH = 60;

// A link's host and the beginning of its path. It is text: nobody follows it from here.
function linkText(url: string): string {
  const short = url.replace(/^https?:\/\//, '').replace(/[?#].*$/, '').replace(/\/$/, '');
  return short.length > LINK_LENGTH ? `${short.slice(0, LINK_LENGTH - 1)}…` : short;
}

export class TimelineElement extends InklingElement {
  #automatic = false;

  get #limit(): number {
    const limit = Math.floor(Number(this.getAttribute('limit') ?? LIMIT_USUAL));
    return limit >= 1 ? Math.min(limit, LIMIT_MOST) : LIMIT_USUAL;
  }

  protected path({ candidate, email }: Subject): string | null {
    if (email) return `/emails/${encodeURIComponent(email)}/events`;
    return candidate ? `/candidates/${encodeURIComponent(candidate)}/timeline?limit=${this.#limit}` : null;
  }

  protected label(): string {
    return this.vocabulary.timeline(this.getAttribute('label') ?? '');
  }

  protected missing(): string {
    return this.vocabulary.nobody;
  }

  #item(event: Event): HTMLElement {
    const words = this.vocabulary;
    const known = (words as unknown as Record<string, unknown>)[event.event_type];
    const automatic = event.verdict === 'machine';
    const marks = [automatic && words.automatic, event.verdict === 'proxied' && words.proxied, !event.own_recipient && words.other];
    return make('li', { part: `event ${event.event_type.replace(/[^a-z_]/g, '')}${automatic ? ' automatic' : ''}` },
      make('span', { part: 'what' },
        make('b', { part: 'kind' }, typeof known === 'string' ? known : event.event_type.replaceAll('_', ' ')),
        event.subject !== undefined && make('span', { part: 'subject' }, ` “${event.subject ?? words.noSubject}”`),
        event.url && make('span', { part: 'link' }, ` ${linkText(event.url)}`),
        ...marks.map((mark) => mark && make('span', { part: 'mark' }, mark))),
      ' ', this.clock(event.occurred_at));
  }

  protected draw(data: unknown): Child[] {
    const words = this.vocabulary;
    const { data: all, truncated } = data as Page<Event>;
    const events = [...all].sort((a, b) => Date.parse(b.occurred_at) - Date.parse(a.occurred_at)).slice(0, this.#limit);
    const automatic = events.filter(({ verdict }) => verdict === 'machine').length;
    const shown = events.filter(({ verdict }) => this.#automatic || verdict !== 'machine');
    const days: [string, Event[]][] = [];
    for (const event of shown) {
      const day = this.day(event.occurred_at);
      if (days.at(-1)?.[0] === day) days.at(-1)?.[1].push(event);
      else days.push([day, [event]]);
    }
    const children: Child[] = days.map(([day, items]) => make('div', { part: 'section' }, make('div', { part: 'day', 'aria-hidden': 'true' }, day), make('ol', { part: 'events', 'aria-label': day }, ...items.map((event) => this.#item(event)))));
    if (shown.length === 0) children.push(make('p', { part: 'text' }, automatic > 0 ? words.onlyAutomatic : words.nothing));
    if (automatic > 0) {
      const button = this.button(words.showAutomatic(automatic), 'toggle', () => {
        this.#automatic = !this.#automatic;
        this.redraw();
      });
      button.setAttribute('aria-pressed', String(this.#automatic));
      children.push(button);
    }
    if (truncated || events.length < all.length) children.push(make('p', { part: 'hint' }, words.more));
    return children;
  }
}
