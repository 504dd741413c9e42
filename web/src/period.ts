// Ranges of days, as the address names them and the API takes them.
import { addDays, daysBetween, today } from './format';
import { choice, day, type Parameter } from './router';
import type { Span } from './types';

export const RANGES: [string, string, number][] = [
  ['7d', 'Last 7 days', 7],
  ['30d', 'Last 30 days', 30],
  ['90d', 'Last 90 days', 90],
  ['365d', 'Last 12 months', 365],
];

// `standard`: 30d where reports are shown, all for lists.
export const periodParameters = (standard: '30d' | 'all'): { range: Parameter; from: Parameter; to: Parameter } => ({
  range: choice(standard, '7d', '30d', '90d', '365d', 'custom', ...(standard === 'all' ? ['all'] : [])),
  from: day(),
  to: day(),
});

export interface Period {
  range: string;
  from?: string;
  to?: string;
}

// What the API is asked: nothing for its own default, the 30 days up to today.
export function periodOf({ range, from, to }: { range: string; from: string; to: string }, standard: '30d' | 'all' = '30d'): Period {
  if (range === 'custom' && from !== '' && to !== '' && from <= to) return { range, from, to };
  const days = RANGES.find(([name]) => name === range)?.[2];
  if (days === undefined || (standard === '30d' && range === '30d')) return { range: range === 'custom' ? standard : range };
  return { range, from: addDays(today(), 1 - days), to: today() };
}

export function spanOf(period: Period): Span {
  return { from: period.from ?? addDays(today(), -29), to: period.to ?? today() };
}

// The period of the same length before (-1) or after (1); null when it would begin after today.
export function moved(span: Span, direction: -1 | 1): Span | null {
  const days = daysBetween(span.from, span.to) + 1;
  const from = addDays(span.from, direction * days), to = addDays(span.to, direction * days);
  return from > today() ? null : { from, to };
}

// `few`: of one template or the like, whose single days have too few emails to say much.
export function intervalFor(span: Span, few = false): 'day' | 'week' | 'month' {
  const days = daysBetween(span.from, span.to) + 1;
  return days > 550 ? 'month' : days > (few ? 31 : 92) ? 'week' : 'day';
}
