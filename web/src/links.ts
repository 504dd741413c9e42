// Addresses of screens: every figure leads to the emails behind it.
import { query } from './api';
import type { Span } from './types';

export interface Scope {
  job?: string;
  template?: string;
  campaign?: string;
  sender?: string; // 'me': whoever looks
  basis?: string;
}

export const emailsOf = ({ job, template, campaign, sender, basis }: Scope, span: Span | null, status?: string): string =>
  `/emails${query({ status, range: span ? 'custom' : undefined, from: span?.from, to: span?.to, job, template, campaign, ...(sender === 'me' ? { scope: 'mine' } : { sender }), basis: status ? basis : undefined })}`;

// What names a candidate in an address: never an email address, which is the id of who has no other (compliance C-118).
export const candidateKey = ({ id, ref }: { id: string; ref?: string }): string => (ref && id.includes('@') ? ref : id);

// A screen of one thing, seen over the same days as where the link stands.
export const thing = (kind: string, id: string, days = ''): string => `/${kind}/${encodeURIComponent(id)}${days}`;
