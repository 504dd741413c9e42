// What happened to an email, in a few words.
import type { JSX } from 'preact';
import type { Email } from '../types';

export function Chips({ email }: { email: Email }): JSX.Element {
  const chips: [string, string, string?][] = [];
  if (email.complained_at) chips.push(['Marked as spam', 'bad']);
  if (email.unsubscribed_at) chips.push(['Unsubscribed', 'warn']);
  if (email.bounced_at) chips.push([`Bounced${email.bounce_type ? ` (${email.bounce_type})` : ''}`, 'bad']);
  if (email.dropped_at) chips.push(['Not sent', 'bad']);
  if (email.replied_at) chips.push(['Replied', 'good']);
  if (email.clicked_at) chips.push([`Clicked${email.click_count > 1 ? ` ${email.click_count} links` : ''}`, 'strong']);
  if (email.opened_at) chips.push([`Opened${email.open_count > 1 ? ` ${email.open_count}×` : ''}`, '']);
  if (chips.length === 0 && (email.tracking_now === 'none' || email.tracking_now === 'aggregate')) chips.push(['Not tracked', '', 'Opens and clicks of this email are not recorded']);
  else if (chips.length === 0 && email.machine_open_count > 0) chips.push(['Opened automatically only', '', 'A mail service loaded the email; no person is known to have opened it']);
  else if (chips.length === 0) chips.push([email.delivered_at ? 'Delivered' : 'Sent', '']);
  return <span class="row" style={{ gap: '4px' }}>{chips.map(([words, tone, title]) => <span key={words} class={`chip ${tone}`} title={title}>{words}</span>)}</span>;
}
