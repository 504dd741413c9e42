// Single keys, as the help on "?" lists them. Screens offer what they can do; nothing happens while somebody types.
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { navigate, path } from './router';
import { keysOn, me } from './state';

export const helpOpen = signal(false);
export const paletteOpen = signal(false);
const offered = new Map<string, () => void>();
const places: Record<string, string> = { d: '/dashboard', c: '/candidates', a: '/activity', n: '/notifications', e: '/emails', m: '/campaigns', t: '/templates', j: '/jobs', s: '/admin' };
let going = 0;

export function useKeys(actions: Record<string, () => void>): void {
  useEffect(() => {
    for (const [key, action] of Object.entries(actions)) offered.set(key, action);
    return () => {
      for (const [key, action] of Object.entries(actions)) if (offered.get(key) === action) offered.delete(key);
    };
  });
}

function moveRow(step: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')].filter((row) => row.offsetParent !== null);
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const row = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
  row?.querySelector<HTMLElement>('a, button')?.focus();
}

// Ctrl or Cmd with K is no single key: it works while somebody types, and cannot be switched off.
function palette(event: KeyboardEvent): boolean {
  if (!(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey || event.key.toLowerCase() !== 'k' || !me.value) return false;
  event.preventDefault();
  if (!document.querySelector('dialog[open]')) paletteOpen.value = true;
  return true;
}

// Esc first closes or leaves what is open (dialogs, menus, fields, toasts do so themselves), then takes the filters away.
function escape(): void {
  const active = document.activeElement as HTMLElement | null;
  if (active?.closest('.toasts')) return;
  if (active && active !== document.body && active.tagName !== 'H1') active.blur();
  else if (window.location.search) navigate(path.value);
}

export function startKeys(): void {
  document.addEventListener('keydown', (event) => {
    if (palette(event)) return;
    const target = event.target as HTMLElement;
    if (!keysOn.value || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) || target.isContentEditable || document.querySelector('dialog[open]')) return;
    if (Date.now() - going < 1500 && places[event.key]) {
      going = 0;
      event.preventDefault();
      navigate(places[event.key]!);
    } else if (event.key === 'Escape') {
      escape();
    } else if (event.key === 'g') {
      going = Date.now();
    } else if (event.key === '?') {
      helpOpen.value = true;
    } else if (event.key === 'j' || event.key === 'k') {
      moveRow(event.key === 'j' ? 1 : -1);
    } else if (event.key === '/') {
      const field = document.querySelector<HTMLInputElement>('input[type="search"]');
      if (field) {
        event.preventDefault();
        field.focus();
      }
    } else {
      offered.get(event.key)?.();
    }
  });
}
