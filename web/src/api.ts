// Talks to the API: one function for calls, one hook for what a screen shows.
import { signal } from '@preact/signals';
import { useEffect, useReducer, useRef } from 'preact/hooks';
import { wentBack } from './router';

export const API = '/api/v1';
const CACHE_MAX = 80;
const FRESH_MS = 3000;
const FRESH_BACK_MS = 300_000; // going back shows what was there, as the scroll position belongs to it

// An answer that is not a success (RFC 9457), or none at all: then the status is 0.
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
    readonly requestId = '',
    readonly retryAfter = '',
    readonly more: Record<string, unknown> = {},
  ) {
    super(`${title}: ${detail}`);
  }
}

// Set when the session ended under the page: the frame then asks for the password and leaves the page as it is.
export const sessionEnded = signal(false);

async function problemOf(answer: Response): Promise<Problem> {
  let body: { title?: string; detail?: string; request_id?: string; [name: string]: unknown } = {};
  try {
    body = await answer.json();
  } catch {
    // A proxy's page: the status says enough.
  }
  const id = body.request_id ?? answer.headers.get('X-Request-Id') ?? '';
  return new Problem(answer.status, body.title ?? `Error ${answer.status}`, body.detail ?? 'The service gave no reason.', id, answer.headers.get('Retry-After') ?? '', body);
}

async function send(path: string, init: RequestInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(API + path, init);
  } catch {
    throw new Problem(0, 'The service cannot be reached', 'Check your connection, then try again.');
  }
  if (answer.ok) return answer;
  if (answer.status === 401 && path !== '/session' && path !== '/me') sessionEnded.value = true;
  throw await problemOf(answer);
}

export async function get<T>(path: string): Promise<T> {
  return (await send(path, {})).json() as Promise<T>;
}

// A change. The header is what another site's form cannot send (CSRF, compliance C-112).
export async function change<T>(method: 'POST' | 'PUT' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { 'X-Inkling-Request': '1' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const answer = await send(path, { method, headers, body: body === undefined ? null : JSON.stringify(body) });
  const text = await answer.text();
  return (text ? JSON.parse(text) : undefined) as T;
}

export async function download(path: string, name: string): Promise<void> {
  const answer = await send(path, { headers: { Accept: 'text/csv' } });
  const url = URL.createObjectURL(await answer.blob());
  const link = document.createElement('a');
  link.href = url;
  link.download = `${name}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export function query(parameters: Record<string, string | number | undefined>): string {
  const pairs = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== '');
  return pairs.length === 0 ? '' : `?${pairs.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&')}`;
}

// ---- what screens show ----

interface Entry {
  data?: unknown;
  problem?: Problem | undefined;
  at: number;
  pending: Promise<void> | undefined; // while the answer is on its way
}

const entries = new Map<string, Entry>();
const listeners = new Set<() => void>();
const shown = new Map<string, number>(); // how often each path is on the screen

function changed(): void {
  for (const listener of [...listeners]) listener();
}

function load(path: string): Promise<void> {
  const entry = entries.get(path) ?? { at: 0, pending: undefined };
  if (entry.pending) return entry.pending;
  entries.delete(path);
  entries.set(path, entry);
  for (const old of entries.keys()) {
    if (entries.size <= CACHE_MAX) break;
    if (!entries.get(old)!.pending) entries.delete(old);
  }
  entry.pending = get(path)
    .then((data) => {
      entry.data = data;
      entry.problem = undefined;
    })
    .catch((problem: Problem) => {
      entry.problem = problem;
    })
    .finally(() => {
      entry.pending = undefined;
      entry.at = Date.now();
      changed();
    });
  return entry.pending;
}

// For what is asked before there is a screen to show it: the screen then finds it, or that it is on its way.
export async function ahead<T>(path: string): Promise<T> {
  await load(path);
  const { data, problem } = entries.get(path)!;
  if (problem) throw problem;
  return data as T;
}

export function forgetAll(): void {
  entries.clear();
  changed();
}

// After a change: what begins with the path is asked for again, and shown dimmed until the answer is there.
export function refresh(prefix: string): void {
  for (const path of [...entries.keys()]) {
    if (!path.startsWith(prefix)) continue;
    const entry = entries.get(path)!;
    entry.at = 0;
    if (listeners.size > 0) void load(path);
  }
  changed();
}

// What is on the screen is asked for again and exchanged when the answer is there; the rest when it is next wanted.
export function refreshShown(concerns: (path: string) => boolean): void {
  for (const [path, entry] of [...entries]) {
    if (!concerns(path)) continue;
    if (shown.has(path)) void load(path);
    else entry.at = 0;
  }
}

// After signing in again: what was refused meanwhile.
export function retryFailed(): void {
  for (const [path, entry] of [...entries]) if (entry.problem) void load(path);
  changed();
}

export interface Resource<T> {
  data: T | undefined;
  problem: Problem | undefined;
  pending: boolean; // an answer is on its way
  old: boolean; // `data` belongs to what was asked for before
  reload: () => void;
}

// What GET `path` answers; null asks for nothing. Data of the path before stay, marked old, until the new are there.
export function useResource<T>(path: string | null): Resource<T> {
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const last = useRef<T | undefined>(undefined);
  useEffect(() => {
    listeners.add(redraw as () => void);
    return () => void listeners.delete(redraw as () => void);
  }, []);
  useEffect(() => {
    if (path === null) return;
    shown.set(path, (shown.get(path) ?? 0) + 1);
    const entry = entries.get(path);
    if (!entry || entry.problem || Date.now() - entry.at > (wentBack() ? FRESH_BACK_MS : FRESH_MS)) void load(path);
    redraw(0 as never); // also for what arrived after the drawing, when nobody listened yet
    return () => {
      const count = shown.get(path)! - 1;
      if (count > 0) shown.set(path, count);
      else shown.delete(path);
    };
  }, [path]);
  const entry = path === null ? undefined : entries.get(path);
  if (entry?.data !== undefined) last.current = entry.data as T;
  const failed = entry !== undefined && !entry.pending && entry.problem !== undefined;
  return {
    data: entry?.data !== undefined ? (entry.data as T) : path === null ? undefined : last.current,
    problem: failed ? entry.problem : undefined,
    pending: path !== null && (entry === undefined || entry.pending !== undefined),
    old: path !== null && entry?.data === undefined && last.current !== undefined,
    reload: () => {
      if (path !== null) {
        void load(path);
        changed();
      }
    },
  };
}
