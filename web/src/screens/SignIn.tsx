// Signing in. One message for a wrong address and a wrong password, so that neither is told apart.
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { get, Problem } from '../api';
import { navigate, path, search } from '../router';
import { enter, me, signIn } from '../state';
import { Check, Input } from '../ui/Field';
import { Dialog, useSubmit } from '../ui/Dialog';
import { Title } from '../ui/Title';
import { FirstRun } from './Welcome';

// Only a path of this site: "//host" and "/\host" would lead elsewhere.
export function safeNext(query: string): string {
  const next = new URLSearchParams(query).get('next') ?? '';
  return /^\/(?![/\\])[^\\]*$/.test(next) && !next.startsWith('/sign-in') ? next : '/dashboard';
}

function refusal(problem: Problem, askedCode: boolean): string {
  if (problem.status === 401) return askedCode ? 'The code is wrong or was used before.' : 'The e-mail address or the password is wrong.';
  if (problem.status === 429) return `Too many attempts. Try again ${problem.retryAfter ? `in ${problem.retryAfter} seconds` : 'in a few minutes'}.`;
  return problem.detail;
}

export function SignInForm({ onDone, email: known = '' }: { onDone: () => void; email?: string }): JSX.Element {
  const [email, setEmail] = useState(known);
  const [password, setPassword] = useState('');
  const [code, setCode] = useState('');
  const [needsCode, setNeedsCode] = useState(false);
  const [visible, setVisible] = useState(false);
  const { busy, problem, submit } = useSubmit(async () => {
    try {
      const who = await signIn(email.trim(), password, code.trim());
      onDone();
      enter(who);
    } catch (failure) {
      // The password was right and a second factor is wanted.
      if (failure instanceof Problem && failure.more.code_needed && !needsCode) return setNeedsCode(true);
      throw failure;
    }
  });
  return (
    <form class="form" onSubmit={submit}>
      <Input label="E-mail address" type="email" name="email" autocomplete="username" required autofocus={!known} readOnly={known !== ''} value={email} onInput={(event) => setEmail(event.currentTarget.value)} />
      <div class="field">
        <Input label="Password" type={visible ? 'text' : 'password'} name="password" autocomplete="current-password" required autofocus={known !== ''} value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
        <Check label="Show password" checked={visible} onChange={(event) => setVisible(event.currentTarget.checked)} />
      </div>
      {needsCode && <Input label="Code of your authenticator" hint="Six digits, or one of your recovery codes." inputMode="numeric" autocomplete="one-time-code" required autofocus value={code} onInput={(event) => setCode(event.currentTarget.value)} />}
      <div role="alert">{problem && <p class="notice bad">{refusal(problem, needsCode)}</p>}</div>
      <button type="submit" class="button primary" disabled={busy}>{busy ? 'Signing in …' : 'Sign in'}</button>
    </form>
  );
}

export function SignIn(): JSX.Element {
  const [first, setFirst] = useState(false);
  useEffect(() => {
    get<{ setup_needed: boolean }>('/session').then((answer) => setFirst(answer.setup_needed), () => undefined);
  }, []);
  if (first) return <FirstRun />;
  const arrived = (): void => {
    if (path.value === '/sign-in') navigate(safeNext(search.value), { replace: true });
  };
  return (
    <main class="sign-in">
      <div class="card">
        <div>
          <Title of="Sign in">Sign in to inkling</Title>
          <p class="sub">How candidates engage with your emails.</p>
        </div>
        <SignInForm onDone={arrived} />
      </div>
    </main>
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
