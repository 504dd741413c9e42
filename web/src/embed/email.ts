// <inkling-email>: what became of one email.
import type { Email, Level } from '../types';
import { make, type Child } from './dom';
import { InklingElement, type Subject } from './element';

export class EmailElement extends InklingElement {
  protected path({ email }: Subject): string | null {
    return email ? `/emails/${encodeURIComponent(email)}` : null;
  }

  protected label(data: unknown): string {
    return this.vocabulary.email((data as Email).subject ?? this.vocabulary.noSubject);
  }

  protected missing(): string {
    return this.vocabulary.noEmail;
  }

  // What did not happen is told apart from what is not recorded.
  #engagement(at: string | null, count: number, machines: number, level: Level, levels: Level[]): [text: string, happened: boolean] {
    const words = this.vocabulary;
    if (at) return [words.times(Math.max(count, 1), this.moment(at)), true];
    if (!levels.includes(level)) return [words.notRecorded, false];
    return [machines > 0 ? `${words.notYet} (${words.machines(machines)})` : words.notYet, false];
  }

  protected draw(data: unknown): Child[] {
    const words = this.vocabulary;
    const email = data as Email;
    const facts: [name: string, text: string, happened: boolean][] = [];
    const happened = (name: string, at: string | null, more = ''): void => void (at && facts.push([name, this.moment(at) + more, true]));
    if (email.candidate) facts.push([words.to, email.candidate.name || email.candidate.email || email.candidate.id, true]);
    happened(words.sent, email.sent_at);
    happened(words.dropped, email.dropped_at);
    happened(words.bounced, email.bounced_at, email.bounce_type ? ` (${email.bounce_type})` : '');
    if (!email.dropped_at && !email.bounced_at) facts.push([words.delivered, email.delivered_at ? this.moment(email.delivered_at) : words.notYet, email.delivered_at !== null]);
    if (!email.dropped_at && !email.bounced_at || email.opened_at) {
      facts.push([words.opened, ...this.#engagement(email.opened_at, email.open_count, email.machine_open_count, email.tracking_now, ['full'])]);
      facts.push([words.clicked, ...this.#engagement(email.clicked_at, email.total_click_count, email.machine_click_count, email.tracking_now, ['full', 'clicks'])]);
      facts.push([words.replied, email.replied_at ? this.moment(email.replied_at) : words.notYet, email.replied_at !== null]);
    }
    happened(words.unsubscribed, email.unsubscribed_at);
    happened(words.complained, email.complained_at);
    return [
      make('strong', { part: 'subject' }, email.subject ?? words.noSubject),
      make('dl', { part: 'facts' }, ...facts.map(([name, text, yes]) => make('div', { part: 'fact' }, make('dt', { part: 'name' }, name), make('dd', { part: yes ? 'value' : 'value none' }, text)))),
    ];
  }
}
