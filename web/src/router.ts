// The address is the state: path and query as signals, links without reloading, scroll positions that come back.
import { computed, signal } from '@preact/signals';

const current = signal(new URL(window.location.href));
export const path = computed(() => current.value.pathname);
export const search = computed(() => current.value.search);
// Counts arrivals at a screen; 0 for the one the page was loaded with, whose focus stays where the browser put it.
export const arrivals = signal(0);
let restore: number | null = null;
let back = false;
export const wentBack = (): boolean => back;

export function scrollToRestore(): number | null {
  const position = restore;
  restore = null;
  return position;
}

function keepScroll(): void {
  history.replaceState({ ...history.state, scroll: window.scrollY }, '');
}

export function navigate(to: string, { replace = false } = {}): void {
  const url = new URL(to, window.location.href);
  if (url.origin !== window.location.origin) return;
  back = false;
  const newScreen = url.pathname !== current.value.pathname;
  if (replace) {
    history.replaceState(history.state, '', url);
  } else {
    keepScroll();
    history.pushState({}, '', url);
  }
  if (newScreen) {
    restore = 0;
    arrivals.value++;
  }
  current.value = url;
}

// Changes parameters of the query; '' takes one away. Typing replaces, choosing pushes.
export function setQuery(values: Record<string, string>, { replace = false } = {}): void {
  const url = new URL(current.value);
  for (const [name, value] of Object.entries(values)) {
    if (value === '') url.searchParams.delete(name);
    else url.searchParams.set(name, value);
  }
  if (url.search !== current.value.search) navigate(url.pathname + url.search, { replace });
}

// ---- parameters ----

export interface Parameter {
  standard: string;
  valid: (text: string) => boolean;
}

export const choice = (standard: string, ...others: string[]): Parameter => ({ standard, valid: (text) => text === standard || others.includes(text) });
export const text = (standard = '', max = 200): Parameter => ({ standard, valid: (value) => value.length > 0 && value.length <= max });
export const day = (): Parameter => ({ standard: '', valid: (value) => /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value)) });

// The parameters a screen knows, as the query has them; what is unknown or unreadable is taken out of the address.
export function readQuery<K extends string>(known: Record<K, Parameter>): Record<K, string> {
  const asked = new URLSearchParams(search.value);
  const values = {} as Record<K, string>;
  const clean = new URLSearchParams();
  for (const [name, parameter] of Object.entries(known) as [K, Parameter][]) {
    const value = asked.get(name);
    values[name] = value !== null && parameter.valid(value) ? value : parameter.standard;
    if (values[name] !== parameter.standard) clean.set(name, values[name]);
  }
  if ([...asked].sort().join() !== [...clean].sort().join()) {
    const address = path.value + (clean.size > 0 ? `?${clean}` : '');
    queueMicrotask(() => navigate(address, { replace: true }));
  }
  return values;
}

// ---- the browser's side ----

function follow(event: MouseEvent): void {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element).closest?.('a');
  if (!link || link.target || link.hasAttribute('download') || link.origin !== window.location.origin) return;
  if (/^\/(api|assets|webhooks|metrics|healthz|readyz)(\/|$)/.test(link.pathname)) return;
  if (link.hash && link.pathname === window.location.pathname) return;
  event.preventDefault();
  navigate(link.href);
}

export function startRouter(): void {
  history.scrollRestoration = 'manual';
  document.addEventListener('click', follow);
  window.addEventListener('beforeunload', keepScroll);
  window.addEventListener('popstate', (event) => {
    const url = new URL(window.location.href);
    back = true;
    if (url.pathname !== current.value.pathname) arrivals.value++;
    restore = (event.state as { scroll?: number } | null)?.scroll ?? 0;
    current.value = url;
  });
  restore = (history.state as { scroll?: number } | null)?.scroll ?? 0;
}
