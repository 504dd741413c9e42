// What the components say. A page may replace any of it: `element.words = { … }`.
import { eventWords } from '../vocabulary';

export interface Words {
  [key: string]: string | ((...values: never[]) => string) | undefined;
}

export const english = {
  loading: 'Loading',
  retry: 'Try again',
  expired: 'This view has expired. Load the page again to see it.',
  stale: 'This could not be brought up to date.',
  failed: 'This cannot be shown at the moment.',
  unreachable: 'inkling cannot be reached, or this page may not show its data.',
  choose: 'It is not said whose engagement this is to show.',
  nobody: 'Nothing is known of this person yet.',
  noEmail: 'This email is not known.',

  score: (name: string) => `Engagement score${name && `: ${name}`}`,
  meter: 'Engagement score',
  hot: 'Hot',
  warm: 'Warm',
  cold: 'Cold',
  unknown: 'No score yet',
  notTracked: 'Not tracked',
  notTrackedWhy: 'This person does not allow opens and clicks to be recorded.',
  noScores: 'Scores are not shown here.',
  outOf: (score: number) => `${score} of 100`,
  hint: 'A communication hint, no statement on suitability.',

  timeline: (name: string) => `Engagement timeline${name && `: ${name}`}`,
  nothing: 'Nothing has happened yet.',
  onlyAutomatic: 'So far, only machines have opened or clicked.',
  automatic: 'automatic',
  proxied: 'through an image proxy',
  other: 'another recipient',
  showAutomatic: (count: number) => `Show ${count} automatic ${count === 1 ? 'event' : 'events'}`,
  more: 'Earlier activity is not shown.',
  noSubject: 'no subject',

  email: (subject: string) => `Email: ${subject}`,
  sent: 'Sent',
  to: 'To',
  bounced: eventWords.bounce,
  opened: eventWords.open,
  clicked: eventWords.click,
  replied: eventWords.reply,
  unsubscribed: eventWords.unsubscribe,
  complained: eventWords.spam,
  notYet: 'not yet',
  notRecorded: 'not recorded',
  times: (count: number, first: string) => (count === 1 ? first : `${count} times, first ${first}`),
  machines: (count: number) => `${count} by machines`,

  ...eventWords,
};
export type Vocabulary = typeof english & {
  // A reason of the score by its code, for other languages; else the service's English sentence.
  reason?: (entry: { part: string | null; code: string; text: string }) => string;
};
