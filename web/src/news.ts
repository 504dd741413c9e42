// Whom news is about, and where it leads.
import { candidateKey, thing } from './links';
import type { News, Notification } from './types';

export const who = (news: News | Notification): string => news.candidate?.name || news.candidate?.id || 'Somebody';

// To the candidate's page, or to the email's when nobody is known.
export const place = (news: { candidate: News['candidate']; email: News['email'] }): string =>
  news.candidate ? thing('candidates', candidateKey(news.candidate)) : `/emails/${news.email.id}`;
