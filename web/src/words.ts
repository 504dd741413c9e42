// What happened, as a sentence about somebody.
import { candidateKey, thing } from './links';
import type { News, Notification } from './types';

export const happened: Record<string, string> = {
  open: 'Email opened', click: 'Link clicked', reply: 'Reply received', bounce: 'Email bounced', dropped: 'Email not sent',
  unsubscribe: 'Unsubscribed', group_unsubscribe: 'Unsubscribed', spam: 'Marked as spam',
};

const times = (count: number): string => (count > 1 ? ` ${count} times` : '');

// "opened your email 3 times": `whose` is "your", "an" or "the".
export function did(type: string, whose: string, count = 1): string {
  const email = `${whose} email`;
  const words: Record<string, string> = {
    open: `opened ${email}${times(count)}`,
    click: count > 1 ? `clicked ${count} times in ${email}` : `clicked a link in ${email}`,
    reply: `replied to ${email}${times(count)}`,
    bounce: `did not get ${email}: it bounced`,
    dropped: `did not get ${email}: it was not sent`,
    unsubscribe: 'unsubscribed',
    group_unsubscribe: 'unsubscribed from a group',
    spam: `marked ${email} as spam`,
  };
  return words[type] ?? type.replaceAll('_', ' ');
}

export const who = (news: News | Notification): string => news.candidate?.name || news.candidate?.id || 'Somebody';

// Where it leads: to the candidate's page, or to the email's when nobody is known.
export const place = (news: { candidate: News['candidate']; email: News['email'] }): string =>
  news.candidate ? thing('candidates', candidateKey(news.candidate)) : `/emails/${news.email.id}`;
