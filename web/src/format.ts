// Numbers, days and times as people read them. Where there is nothing to show it is "–", never 0.
import { signal } from '@preact/signals';

// Of moments: the person's. Of the days of reports: the organization's.
export const timeZone = signal('UTC');
export const reportZone = signal('UTC');
// Moves on each minute, so that "2 hours ago" stays true.
export const minute = signal(Date.now());
setInterval(() => (minute.value = Date.now()), 60_000);

export const NOTHING = '–';
const LOCALE = 'en-GB';
const whole = new Intl.NumberFormat(LOCALE);

export const count = (value: number | null | undefined): string => (value == null ? NOTHING : whole.format(value));

export function percent(value: number | null | undefined, digits = 1): string {
  return value == null ? NOTHING : `${value.toFixed(digits)}%`;
}

export const fraction = (part: number, base: number, what: string): string => `${count(part)} of ${count(base)} ${what}`;

export function duration(seconds: number | null | undefined): string {
  if (seconds == null) return NOTHING;
  const value = Math.abs(seconds);
  if (value < 60) return `${Math.round(value)} s`;
  if (value < 3600) return `${Math.round(value / 60)} min`;
  if (value < 36 * 3600) {
    const minutes = Math.round(value / 60);
    return `${Math.floor(minutes / 60)} h${minutes % 60 ? ` ${minutes % 60} min` : ''}`;
  }
  return `${(value / 86400).toFixed(1)} days`;
}

// ---- days of the calendar, as "2026-01-31" ----

const noon = (day: string): Date => new Date(`${day}T12:00:00Z`);
const dayFormat = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short', timeZone: 'UTC' });
const dayYearFormat = new Intl.DateTimeFormat(LOCALE, { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });
const weekdayFormat = new Intl.DateTimeFormat(LOCALE, { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' });
const weekdayYearFormat = new Intl.DateTimeFormat(LOCALE, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' });

export function addDays(day: string, days: number): string {
  const date = noon(day);
  date.setUTCDate(date.getUTCDate() + days);
  return date.toISOString().slice(0, 10);
}

export const daysBetween = (from: string, to: string): number => Math.round((noon(to).getTime() - noon(from).getTime()) / 86_400_000);

export function dayText(day: string, { weekday = false, year }: { weekday?: boolean; year?: boolean } = {}): string {
  const withYear = year ?? day.slice(0, 4) !== today().slice(0, 4);
  const format = weekday ? (withYear ? weekdayYearFormat : weekdayFormat) : withYear ? dayYearFormat : dayFormat;
  return format.format(noon(day)).replace(',', '');
}

export const spanText = (from: string, to: string): string => (from === to ? dayText(from) : `${dayText(from, { year: from.slice(0, 4) !== to.slice(0, 4) })} – ${dayText(to)}`);

const zoned = new Map<string, Intl.DateTimeFormat>();
function zonedFormat(name: string, options: Intl.DateTimeFormatOptions, zone = timeZone.value): Intl.DateTimeFormat {
  const key = `${name} ${zone}`;
  let format = zoned.get(key);
  if (!format) zoned.set(key, (format = new Intl.DateTimeFormat(LOCALE, { ...options, timeZone: zone })));
  return format;
}

// The local day of a moment.
export function dayOf(moment: string | number, zone = timeZone.value): string {
  const parts = zonedFormat('day', { year: 'numeric', month: '2-digit', day: '2-digit' }, zone).formatToParts(new Date(moment));
  const part = (type: string) => parts.find((one) => one.type === type)?.value ?? '';
  return `${part('year')}-${part('month')}-${part('day')}`;
}

export const today = (): string => dayOf(minute.value, reportZone.value);

export const clockText = (moment: string): string => zonedFormat('clock', { hour: '2-digit', minute: '2-digit' }).format(new Date(moment));

export function momentText(moment: string): string {
  return zonedFormat('moment', { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short' }).format(new Date(moment));
}

export function shortMoment(moment: string): string {
  const day = dayOf(moment);
  return `${dayText(day)}, ${clockText(moment)}`;
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });
export function ago(moment: string): string {
  const seconds = (Date.parse(moment) - Math.max(minute.value, Date.now())) / 1000;
  const size = Math.abs(seconds);
  if (size < 60) return 'just now';
  if (size < 3600) return relative.format(Math.round(seconds / 60), 'minute');
  if (size < 86_400) return relative.format(Math.round(seconds / 3600), 'hour');
  if (size < 30 * 86_400) return relative.format(Math.round(seconds / 86_400), 'day');
  return dayText(dayOf(moment));
}

export const nameOf = (thing: { id?: unknown; name?: string | null; title?: string | null; email?: string | null } | null | undefined): string =>
  thing == null ? NOTHING : thing.name || thing.title || thing.email || String(thing.id ?? NOTHING);
