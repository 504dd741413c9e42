// What happens to an email, in words and signs: for the pages, and for the components in pages of other systems.

// The event by itself, as in a timeline. The names are those of the API, and of the components' `words`.
export const eventWords = {
  processed: 'Accepted by the email service',
  delivered: 'Delivered',
  deferred: 'Delivery delayed',
  dropped: 'Not sent',
  open: 'Opened',
  click: 'Clicked',
  reply: 'Replied',
  auto_reply: 'Automatic reply',
  bounce: 'Bounced',
  spam: 'Marked as spam',
  unsubscribe: 'Unsubscribed',
  group_unsubscribe: 'Unsubscribed from a group',
  group_resubscribe: 'Subscribed to a group again',
};
const words: Record<string, string> = eventWords;
export const eventWord = (type: string): string => words[type] ?? type.replaceAll('_', ' ');

const signs: Record<string, string> = { delivered: 'delivered', dropped: 'bounce', open: 'open', click: 'click', reply: 'reply', bounce: 'bounce', spam: 'spam', unsubscribe: 'unsubscribe', group_unsubscribe: 'unsubscribe' };
export const eventSign = (type: string): string => signs[type] ?? 'mail';

// As news, above a sentence about somebody.
const titles: Record<string, string> = { open: 'Email opened', click: 'Link clicked', reply: 'Reply received', bounce: 'Email bounced', dropped: 'Email not sent' };
export const eventTitle = (type: string): string => titles[type] ?? eventWord(type);

const times = (count: number): string => (count > 1 ? ` ${count} times` : '');

// "opened your email 3 times", as a sentence about somebody: `whose` is "your", "an" or "the".
export function did(type: string, whose: string, count = 1): string {
  const email = `${whose} email`;
  const sentences: Record<string, string> = {
    open: `opened ${email}${times(count)}`,
    click: count > 1 ? `clicked ${count} times in ${email}` : `clicked a link in ${email}`,
    reply: `replied to ${email}${times(count)}`,
    bounce: `did not get ${email}: it bounced`,
    dropped: `did not get ${email}: it was not sent`,
    unsubscribe: 'unsubscribed',
    group_unsubscribe: 'unsubscribed from a group',
    spam: `marked ${email} as spam`,
  };
  return sentences[type] ?? type.replaceAll('_', ' ');
}
