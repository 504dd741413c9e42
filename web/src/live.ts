// What happens, as it happens (UC-558 AF-3). One stream for all tabs of a browser: the tab that holds the lock has it and hands
// on what comes, as browsers open only six connections to a host. Without locks (plain HTTP) each visible tab has one of
// its own. Of all tabs the one that the person looked at last shows toasts; docs/decisions/0015-live-pages.md.
import { batch } from '@preact/signals';
import { API, get, refreshShown, sessionEnded } from './api';
import { candidateKey, thing } from './links';
import { path, search } from './router';
import { liveState, unread } from './state';
import type { News, Notification, Page } from './types';

export type Frame =
  | { kind: 'notification'; data: Notification }
  | { kind: 'notification_withdrawn'; data: { id: number } }
  | { kind: 'engagement'; data: News }
  | { kind: 'gap'; data: unknown };

// What tabs tell each other.
type Message =
  | { of: 'frames'; frames: Frame[]; id: string }
  | { of: 'state'; state: 'Live' | 'Reconnecting'; id: string }
  | { of: 'ask' }
  | { of: 'unread'; count: number }
  | { of: 'front'; tab: string; at: number }
  | { of: 'bye' }
  | { of: 'toasts'; toasts: unknown[] }
  | { of: 'changed'; what: string };

const KINDS = ['notification', 'notification_withdrawn', 'engagement', 'gap'] as const;
const WAITING_MAX = 1000; // frames not yet drawn; beyond: a gap
const DRAW_EVERY_MS = 200;
const RETRY_MS = 3000;
const RETRY_MAX_MS = 60_000;
const CUT_SHOWN_AFTER_MS = 2500; // the stream ends each quarter of an hour and is back in two seconds; nobody need be told
const FIGURES_AFTER_MS = 1500;
const FIGURES_EVERY_MS = 10_000;
const UNREAD_AFTER_MS = 300;

const tab = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
let user = 0;
let channel: BroadcastChannel | null = null;
let source: EventSource | null = null;
let leave: AbortController | null = null;
let leading = false; // this tab has the stream, or is about to
let lastId = '';
let retry = RETRY_MS;
const timers: Record<string, number> = {};

function later(name: string, ms: number, action: () => void): void {
  timers[name] ??= window.setTimeout(() => {
    delete timers[name];
    action();
  }, ms);
}

function never(name: string): void {
  clearTimeout(timers[name]);
  delete timers[name];
}

const post = (message: Message): void => channel?.postMessage(message);
export const tell = (message: Extract<Message, { of: 'toasts' | 'changed' }>): void => post(message);

// ---- who listens within this tab ----

const listeners = new Set<(frames: Frame[]) => void>();
export function onFrames(listener: (frames: Frame[]) => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

const hearers = new Set<(message: Message) => void>();
export function onMessage(hearer: (message: Message) => void): () => void {
  hearers.add(hearer);
  return () => void hearers.delete(hearer);
}

// One state write for a frame of the screen, and in a burst a few a second: what comes alone is shown at once.
let waiting: Frame[] = [];
let outgoing: Frame[] = []; // to the other tabs
let drawing = false;
let drawnAt = 0;
function handOn(): void {
  if (outgoing.length > 0) post({ of: 'frames', frames: outgoing, id: lastId });
  outgoing = [];
}

function flush(): void {
  drawing = false;
  drawnAt = Date.now();
  handOn();
  const frames = waiting;
  waiting = [];
  batch(() => {
    for (const listener of [...listeners]) listener(frames);
  });
}

function arrived(frame: Frame, id: string): void {
  if (id) lastId = id;
  if (waiting.length >= WAITING_MAX) waiting = [{ kind: 'gap', data: null }];
  waiting.push(frame);
  if (drawing) return;
  drawing = true;
  const wait = drawnAt + DRAW_EVERY_MS - Date.now();
  if (document.hidden || wait > 0) setTimeout(flush, Math.max(wait, 0));
  else requestAnimationFrame(flush);
}

// ---- the stream ----

function setState(state: 'Live' | 'Reconnecting'): void {
  never('cut');
  liveState.value = state;
  post({ of: 'state', state, id: lastId });
}

function disconnect(): void {
  never('retry');
  source?.close();
  source = null;
}

function connect(): void {
  disconnect();
  const opened = (source = new EventSource(`${API}/stream${lastId ? `?last_event_id=${encodeURIComponent(lastId)}` : ''}`));
  opened.addEventListener('ready', (event) => {
    retry = RETRY_MS;
    lastId = (event as MessageEvent).lastEventId || lastId;
    setState('Live');
  });
  for (const kind of KINDS)
    opened.addEventListener(kind, ({ data, lastEventId: id }: MessageEvent<string>) => {
      const frame = { kind, data: data ? JSON.parse(data) : null } as Frame;
      outgoing.push(frame);
      arrived(frame, id);
      if (document.hidden) handOn(); // timers are slow there, and another tab may be in front
    });
  opened.onerror = () => {
    later('cut', CUT_SHOWN_AFTER_MS, () => setState('Reconnecting'));
    if (opened.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
    disconnect();
    void readUnread(); // finds out whether the session has ended
    later('retry', retry, () => !sessionEnded.value && connect());
    retry = Math.min(2 * retry, RETRY_MAX_MS);
  };
}

function byVisibility(): void {
  leading = !document.hidden;
  if (!leading) disconnect();
  else if (!source) connect();
}

function lead(): void {
  leave = new AbortController();
  if (navigator.locks) {
    const held = new Promise<void>((release) => leave!.signal.addEventListener('abort', () => release()));
    navigator.locks.request(`inkling-live-${user}`, { signal: leave.signal }, () => {
      leading = true;
      connect();
      return held;
    }).catch(() => undefined); // given up before it was granted
  } else {
    document.addEventListener('visibilitychange', byVisibility, { signal: leave.signal });
    byVisibility();
  }
}

// ---- the tab in front ----

let front = { tab: '', at: 0 };
export const isFront = (): boolean => front.tab === tab;
let yielded = (): void => undefined;
// Called when another tab comes to the front.
export const onYield = (action: () => void): void => void (yielded = action);

function claim(at: number): void {
  if (isFront()) return;
  front = { tab, at };
  post({ of: 'front', tab, at });
}

const looked = (): void => {
  if (!document.hidden) claim(Date.now());
};

function taken(by: string, at: number): void {
  if (at < front.at || (at === front.at && by < front.tab)) return; // of two at once, both decide alike
  const was = isFront();
  front = { tab: by, at };
  if (was) yielded();
}

function left(): void {
  if (!isFront()) return;
  post({ of: 'bye' });
  yielded();
}

// ---- what every tab does with what comes ----

export async function readUnread(): Promise<void> {
  try {
    showUnread((await get<Page<Notification> & { unread: number }>('/notifications?limit=1')).unread);
  } catch {
    // The next notification asks again.
  }
}

export function showUnread(count: number): void {
  unread.value = count;
  post({ of: 'unread', count });
}

// Figures, candidates and emails that are on the screen.
let touched = new Set<string>();
let figures = false;
let figuresAt = 0;
function refreshTouched(): void {
  if (document.hidden) return; // looked() comes back to it
  const [things, all] = [touched, figures];
  touched = new Set();
  figures = false;
  figuresAt = Date.now();
  refreshShown((shown) => (all && /^\/(engagement|dashboard)/.test(shown)) || things.has(/^\/(candidates|emails)\/[^/?]+/.exec(shown)?.[0] ?? ''));
}

const refreshSoon = (): void => {
  if (figures || touched.size > 0) later('figures', Math.max(FIGURES_AFTER_MS, figuresAt + FIGURES_EVERY_MS - Date.now()), refreshTouched);
};

function note(frames: Frame[]): void {
  const job = new URLSearchParams(search.value).get('job');
  const page = /^\/(candidates|emails)\/[^/]+/.exec(path.value)?.[0];
  for (const { kind, data } of frames) {
    if (kind === 'gap') {
      refreshShown(() => true);
      void readUnread();
    } else if (kind !== 'engagement') {
      if (isFront()) later('unread', UNREAD_AFTER_MS, () => void readUnread());
    } else {
      figures ||= !job || data.job?.id === job;
      const about = [data.candidate ? thing('candidates', candidateKey(data.candidate)) : '', `/emails/${data.email.id}`];
      for (const one of about) if (one === page) touched.add(one);
    }
  }
  refreshSoon();
}

function heard({ data: message }: MessageEvent<Message>): void {
  if (message.of === 'frames') for (const frame of message.frames) arrived(frame, message.id);
  else if (message.of === 'state') {
    liveState.value = message.state;
    lastId = message.id || lastId;
  } else if (message.of === 'ask') {
    if (source && liveState.value) setState(liveState.value);
  } else if (message.of === 'unread') unread.value = message.count;
  else if (message.of === 'front') taken(message.tab, message.at);
  else if (message.of === 'bye') {
    front = { tab: '', at: 0 };
    claim(document.hidden ? 1 : Date.now());
  }
  for (const hearer of [...hearers]) hearer(message);
}

// Begins for a person; the answer ends it.
export function startLive(person: number): () => void {
  user = person;
  lastId = '';
  channel = new BroadcastChannel(`inkling-live-${user}`);
  channel.onmessage = heard;
  const stop = new AbortController();
  const { signal } = stop;
  window.addEventListener('focus', looked, { signal });
  window.addEventListener('pagehide', left, { signal });
  document.addEventListener('visibilitychange', () => {
    if (drawing) flush();
    looked();
    refreshSoon();
  }, { signal });
  document.addEventListener('pointerdown', looked, { signal, capture: true });
  document.addEventListener('keydown', looked, { signal, capture: true });
  const stopNote = onFrames(note);
  const stopSession = sessionEnded.subscribe((ended) => {
    if (!ended && leading && !source && !timers.retry) connect();
  });
  looked();
  post({ of: 'ask' });
  lead();
  void readUnread();
  return () => {
    left();
    stop.abort();
    leave?.abort();
    leave = null;
    leading = false;
    disconnect();
    stopNote();
    stopSession();
    Object.keys(timers).forEach(never);
    channel?.close();
    channel = null;
    front = { tab: '', at: 0 };
    liveState.value = '';
    unread.value = 0;
  };
}
