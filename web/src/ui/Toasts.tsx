// Toasts (UC-558 AF-3, ui.md sections 8 and 11): at most three, in the tab that is in front; they never take the focus. With
// them begins the live channel.
import { signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { change, get } from '../api';
import { ago } from '../format';
import { isFront, onFrames, onMessage, onYield, readUnread, startLive, tell, type Frame } from '../live';
import { place, who } from '../news';
import { toastSeconds } from '../preferences';
import { navigate } from '../router';
import { me } from '../state';
import type { Me, Notification } from '../types';
import { did, eventSign, eventTitle } from '../vocabulary';
import { Icon } from './Icon';

interface Toast {
  key: string; // whom it is about
  of: Notification[]; // one a kind, the latest last
  since: number;
  left: number; // ms; Infinity: until it is closed
}

const TOASTS_MAX = 3;
const MERGE_MS = 60_000;
const OLD_MS = 60_000; // what was missed for longer is in the list
const JUST_MS = 120_000;
const TICK_MS = 200;
const SEEN_MAX = 200;

const toasts = signal<Toast[]>([]);
const seen = new Set<string>(); // what had its toast, in any tab
let pointed = false;
let cameFrom: HTMLElement | null = null;

const region = (): HTMLElement | null => document.querySelector('.toasts');
const focused = (): boolean => region()?.contains(document.activeElement) ?? false;
const life = (): number => 1000 * toastSeconds() || Infinity;

function show(one: Notification): void {
  const version = `${one.id}:${one.count}`;
  if (!one.toast || one.read_at || seen.has(version) || !isFront() || Date.now() - Date.parse(one.updated_at) > OLD_MS) return;
  seen.add(version);
  if (seen.size > SEEN_MAX) seen.delete(seen.values().next().value!);
  const key = one.candidate?.id ?? `email ${one.email.id}`;
  const now = Date.now();
  const there = toasts.value.find((toast) => toast.key === key && now - toast.since < MERGE_MS);
  if (there) {
    const of = [...there.of.filter(({ id }) => id !== one.id), one];
    toasts.value = toasts.value.map((toast) => (toast === there ? { ...there, of, left: life() } : toast));
    return;
  }
  // Nothing moves away under the pointer or the focus: then what comes is in the list only.
  if (toasts.value.length >= TOASTS_MAX && (pointed || focused())) return;
  // The newest on top, so that those which are there stay where they are.
  toasts.value = [{ key, of: [one], since: now, left: life() }, ...toasts.value].slice(0, TOASTS_MAX);
}

function take(frames: Frame[]): void {
  for (const { kind, data } of frames) {
    if (kind === 'notification') show(data);
    else if (kind === 'notification_withdrawn') toasts.value = toasts.value.map((toast) => ({ ...toast, of: toast.of.filter(({ id }) => id !== data.id) })).filter(({ of }) => of.length > 0);
  }
}

// The focus goes to the next one, or to where it was before.
function close(toast: Toast): void {
  const had = focused();
  toasts.value = toasts.value.filter((one) => one !== toast);
  if (had) requestAnimationFrame(() => (region()?.querySelector<HTMLElement>('a') ?? cameFrom ?? document.querySelector<HTMLElement>('h1'))?.focus());
}

export function markRead(ids: number[]): void {
  void Promise.all(ids.map((id) => change('PATCH', `/notifications/${id}`, { read: true }))).then(readUnread, () => undefined);
}

function onKey(event: KeyboardEvent): void {
  if (event.key === 'F8' && toasts.value.length > 0) {
    event.preventDefault();
    if (focused()) {
      (cameFrom ?? document.querySelector<HTMLElement>('h1'))?.focus();
    } else {
      cameFrom = document.activeElement as HTMLElement | null;
      region()!.querySelector<HTMLElement>('a')?.focus();
    }
  } else if (event.key === 'Escape' && focused()) {
    const index = [...region()!.children].findIndex((one) => one.contains(document.activeElement));
    if (toasts.value[index]) close(toasts.value[index]!);
  }
}

// Time passes while somebody may be reading elsewhere; not under the pointer, the focus, or in a hidden tab.
function tick(last: { at: number }): void {
  const now = Date.now();
  const passed = now - last.at;
  last.at = now;
  if (document.hidden || pointed || focused()) return;
  const left = toasts.value.map((toast) => ({ ...toast, left: toast.left - passed }));
  if (left.some((toast) => toast.left <= 0)) toasts.value = left.filter((toast) => toast.left > 0);
  else left.forEach((toast, index) => (toasts.value[index]!.left = toast.left));
}

function sentence({ of }: Toast): string {
  const latest = of.at(-1)!;
  const whose = latest.sender_id === me.value!.user.id ? 'your' : 'an';
  const old = Date.now() - Date.parse(latest.last_at) > JUST_MS;
  const parts = of.map((one, index) => did(one.event_type, index > 0 ? 'the' : whose, one.count));
  return `${who(latest)} ${old ? '' : 'just '}${parts.join(' and ')}${old ? ` ${ago(latest.last_at)}` : ''}`;
}

function One({ toast }: { toast: Toast }): JSX.Element {
  const latest = toast.of.at(-1)!;
  const href = place(latest);
  const name = who(latest);
  const follow = (event: MouseEvent): void => {
    markRead(toast.of.map(({ id }) => id));
    close(toast);
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    navigate(href);
  };
  return (
    <div class="toast">
      <Icon name={eventSign(latest.event_type)} />
      <div>
        <strong>{eventTitle(latest.event_type)}</strong>
        <p>{sentence(toast)}</p>
        {latest.email.subject && <p class="small muted">{latest.email.subject}</p>}
        <a href={href} onClick={follow} aria-label={`View ${name}`}>View →</a>
      </div>
      <button type="button" class="button small icon quiet" aria-label={`Close: ${name}`} onClick={() => close(toast)}><Icon name="close" /></button>
    </div>
  );
}

export function Live(): JSX.Element {
  const user = me.value!.user.id;
  useEffect(() => {
    const stopFrames = onFrames(take);
    const stopMessages = onMessage((message) => {
      if (message.of === 'toasts') {
        const handed = message.toasts as Toast[];
        for (const { of } of handed) for (const { id, count } of of) seen.add(`${id}:${count}`);
        if (isFront()) toasts.value = [...toasts.value, ...handed.filter(({ key }) => !toasts.value.some((one) => one.key === key))].slice(0, TOASTS_MAX);
      } else if (message.of === 'changed' && message.what === 'me') {
        void get<Me>('/me').then((answer) => (me.value = answer), () => undefined);
      }
    });
    onYield(() => {
      tell({ of: 'toasts', toasts: toasts.value });
      toasts.value = [];
    });
    const stopLive = startLive(user);
    document.addEventListener('keydown', onKey);
    const last = { at: Date.now() };
    const timer = setInterval(() => tick(last), TICK_MS);
    const around = region()!;
    const pointer = (event: Event): void => void (pointed = event.type === 'pointerenter');
    around.addEventListener('pointerenter', pointer);
    around.addEventListener('pointerleave', pointer);
    return () => {
      stopLive();
      stopFrames();
      stopMessages();
      document.removeEventListener('keydown', onKey);
      clearInterval(timer);
      around.removeEventListener('pointerenter', pointer);
      around.removeEventListener('pointerleave', pointer);
      toasts.value = [];
      pointed = false;
    };
  }, [user]);
  return <>{toasts.value.map((toast) => <One key={toast.key + toast.since} toast={toast} />)}</>;
}
