// Who is signed in, and the choices that this browser keeps.
import { computed, signal } from '@preact/signals';
import { change, forgetAll, get, Problem, retryFailed, sessionEnded } from './api';
import { reportZone, timeZone } from './format';
import type { Me } from './types';

export const me = signal<Me | null>(null);
export const bootProblem = signal<Problem | null>(null);
export const booted = signal(false);

export const may = (permission: string): boolean => me.value?.permissions.includes(permission) ?? false;
export const isAdmin = computed(() => may('admin'));

function arrived(who: Me): void {
  timeZone.value = who.time_zone;
  reportZone.value = who.organization.time_zone;
  me.value = who;
}

// Asks who is signed in. Without a session there is no need to ask: the page says so (src/web/web.c).
export async function boot(): Promise<void> {
  bootProblem.value = null;
  try {
    if (document.documentElement.dataset.session === 'yes') arrived(await get<Me>('/me'));
  } catch (problem) {
    if (!(problem instanceof Problem) || problem.status !== 401) bootProblem.value = problem as Problem;
  }
  booted.value = true;
}

export const signIn = (email: string, password: string, code: string): Promise<Me> => change<Me>('POST', '/session', code ? { email, password, code } : { email, password });

// Opens the application for who has signed in.
export function enter(who: Me): void {
  document.documentElement.dataset.session = 'yes';
  if (me.value?.user.id === who.user.id) retryFailed();
  else forgetAll();
  arrived(who);
  sessionEnded.value = false;
}

export async function signOut(): Promise<void> {
  await change('DELETE', '/session');
  document.documentElement.dataset.session = 'no';
  me.value = null;
  forgetAll();
}

// ---- theme: a cookie, so that the page already comes in it ----

export type Theme = 'system' | 'light' | 'dark';
export const theme = signal<Theme>((document.documentElement.dataset.theme as Theme | undefined) ?? 'system');

export function setTheme(value: Theme): void {
  theme.value = value;
  if (value === 'system') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = value;
  const secure = window.location.protocol === 'https:' ? '; Secure' : '';
  document.cookie = `theme=${value}; Path=/; SameSite=Lax; Max-Age=${value === 'system' ? 0 : 31_536_000}${secure}`;
}

// ---- what the live channel tells the frame (live.ts) ----

export const unread = signal(0);
export const liveState = signal<'' | 'Live' | 'Reconnecting'>('');

// Single keys can be switched off (WCAG 2.1.4); kept for the person, see preferences.ts.
export const keysOn = computed(() => me.value?.preferences.keys !== false);
