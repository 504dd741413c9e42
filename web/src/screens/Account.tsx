// The signed-in person's menu.
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { nameOf } from '../format';
import { helpOpen } from '../keys';
import { navigate, path } from '../router';
import { me, setTheme, signOut, theme, type Theme } from '../state';
import { Select } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { Small } from '../ui/Small';

export const roleWords: Record<string, string> = { admin: 'Administrator', recruiter: 'Recruiter', hiring_manager: 'Hiring manager' };

export function AccountMenu(): JSX.Element {
  const menu = useRef<HTMLDetailsElement>(null);
  const close = (): void => {
    if (menu.current) menu.current.open = false;
  };
  useEffect(() => {
    const away = (event: MouseEvent) => !menu.current?.contains(event.target as Node) && close();
    document.addEventListener('click', away);
    return () => document.removeEventListener('click', away);
  }, []);
  useEffect(close, [path.value]);
  const who = me.value!;
  const onKey = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape' || !menu.current?.open) return;
    close();
    menu.current.querySelector('summary')?.focus();
  };
  const leave = async (): Promise<void> => {
    await signOut();
    navigate('/sign-in');
  };
  return (
    <details class="menu account" ref={menu} onKeyDown={onKey}>
      <summary class="button small quiet"><Icon name="person" /> <span>{nameOf(who.user)}</span></summary>
      <div class="panel">
        <div>
          <strong>{nameOf(who.user)}</strong>
          <div class="small muted">{roleWords[who.role]}, {who.organization.name}</div>
        </div>
        <Select label="Colours" value={theme.value} options={[['system', 'As the system'], ['light', 'Light'], ['dark', 'Dark']]} onChange={(value) => setTheme(value as Theme)} />
        <a href="/account">Your account</a>
        <button type="button" class="link" style={{ textAlign: 'left' }} onClick={() => { close(); helpOpen.value = true; }}>Keys</button>
        <Small onClick={() => void leave()}>Sign out</Small>
      </div>
    </details>
  );
}
