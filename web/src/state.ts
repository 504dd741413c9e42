// Who is signed in, and the choices that this browser keeps.
import { computed, signal } from '@preact/signals';
import { ahead, change, forgetAll, get, Problem, retryFailed, sessionEnded } from './api';
import { dashboardPath, onDashboard } from './dashboard';
import { reportZone, timeZone } from './format';
import type { Dashboard, Me } from './types';

export const me = signal<Me | null>(null);
export const bootProblem = signal<Problem | null>(null);
export const booted = signal(false);
// The frame is drawn before it is known who is signed in.
export const early = signal(false);

export const may = (permission: string): boolean => me.value?.permissions.includes(permission) ?? false;
export const isAdmin = computed(() => may('admin'));
export const administers = computed(() => (may('admin') ? '/admin' : may('audit') && '/admin/audit-log')); // where it begins

function arrived(who: Me): void {
  timeZone.value = who.time_zone;
  reportZone.value = who.organization.time_zone;
  me.value = who;
}

// Without a session there is no need to ask who is signed in: the page says so (src/web/web.c).
const hasSession = (): boolean => document.documentElement.dataset.session === 'yes';

// The dashboard's answer says it, too. When there is none, that is the dashboard's trouble.
async function whoIsIt(): Promise<Me> {
  if (onDashboard()) {
    try {
      const { me: who } = await ahead<Dashboard>(dashboardPath());
      if (who) return who;
    } catch (problem) {
      sessionEnded.value = false; // nobody was known yet, so no page is to be kept
      if ((problem as Problem).status === 401) throw problem;
    }
  }
  return get<Me>('/me');
}

export async function boot(): Promise<void> {
  bootProblem.value = null;
  early.value = hasSession() && onDashboard();
  try {
    if (hasSession()) arrived(await whoIsIt());
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
