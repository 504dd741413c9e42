// What the service keeps for the person beside what it needs itself: PATCH /me, "preferences".
import { change, get } from './api';
import { me } from './state';
import type { Me } from './types';

export const TOAST_SECONDS = [5, 8, 20, 0]; // 0: until it is closed
export const toastSeconds = (): number => {
  const value = me.value?.preferences.toast_seconds;
  return typeof value === 'number' && TOAST_SECONDS.includes(value) ? value : 8;
};

// Changes one of them. The others may have been changed elsewhere, so they are read first. Tells whether this one was: then it
// stays as it was set there.
export async function savePreference(name: string, value: unknown): Promise<boolean> {
  const seen = me.value!.preferences[name];
  const now = await get<Me>('/me');
  const meanwhile = now.preferences[name] !== seen;
  me.value = meanwhile ? now : await change<Me>('PATCH', '/me', { preferences: { ...now.preferences, [name]: value } });
  return !meanwhile;
}
