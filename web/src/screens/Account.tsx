// The signed-in person's menu, and what lies over any screen: help on keys, and signing in again.
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { nameOf } from '../format';
import { helpOpen } from '../keys';
import { navigate, path } from '../router';
import { me, setTheme, signOut, theme, type Theme } from '../state';
import { Dialog } from '../ui/Dialog';
import { Select } from '../ui/Field';
import { Icon } from '../ui/Icon';
import { SignInForm } from './SignIn';

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
      <summary class="button small quiet"><Icon name="person" /> {nameOf(who.user)}</summary>
      <div class="panel">
        <div>
          <strong>{nameOf(who.user)}</strong>
          <div class="small muted">{roleWords[who.role]}, {who.organization.name}</div>
        </div>
        <Select label="Colours" value={theme.value} options={[['system', 'As the system'], ['light', 'Light'], ['dark', 'Dark']]} onChange={(value) => setTheme(value as Theme)} />
        <a href="/account">Your account</a>
        <button type="button" class="link" style={{ textAlign: 'left' }} onClick={() => { close(); helpOpen.value = true; }}>Keys</button>
        <button type="button" class="button small" onClick={() => void leave()}>Sign out</button>
      </div>
    </details>
  );
}

const help: [string, string][] = [
  ['g d, g c, g e', 'Dashboard, candidates, emails'],
  ['g m, g t, g j', 'Campaigns, templates, jobs'],
  ['[ and ]', 'Period before, period after'],
  ['x', 'Compare with the period before'],
  ['/', 'Find'],
  ['j and k', 'Next row, row before'],
  ['?', 'This help'],
];

export function KeyHelp({ onClose }: { onClose: () => void }): JSX.Element {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <table>
        <tbody>{help.map(([keys, words]) => <tr key={keys}><th scope="row"><kbd>{keys}</kbd></th><td>{words}</td></tr>)}</tbody>
      </table>
      <p class="small muted">Keys can be switched off on <a href="/account" onClick={onClose}>your account</a>.</p>
      <footer><button type="button" class="button" onClick={onClose}>Close</button></footer>
    </Dialog>
  );
}

// The session ended under the page: it stays as it is, with all that was typed.
export function SignInAgain(): JSX.Element {
  const ended = (): void => window.location.assign('/sign-in');
  return (
    <Dialog title="Your session has ended" onClose={() => undefined}>
      <p>Sign in again to go on where you are.</p>
      <SignInForm email={me.value?.user.email ?? ''} onDone={() => undefined} />
      <p class="small"><button type="button" class="link" onClick={ended}>Sign in as somebody else</button></p>
    </Dialog>
  );
}
