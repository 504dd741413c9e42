// Ways in for who has no password yet: the first account of a service, an invitation, a new password by link.
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { change, Problem } from '../api';
import { navigate } from '../router';
import { enter } from '../state';
import type { Me } from '../types';
import { Refusal, useSubmit } from '../ui/Dialog';
import { Input, Select } from '../ui/Field';
import { Title } from '../ui/Title';
import { zones } from '../ui/zones';

export const PASSWORD_HINT = 'At least 12 characters. A few unrelated words do well.';

// The token is in the log of the service, so that nobody else can be first.
export function FirstRun(): JSX.Element {
  const [values, setValues] = useState({ token: '', organization: '', time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone, name: '', email: '', password: '' });
  const put = (name: keyof typeof values) => (event: { currentTarget: { value: string } }) => setValues({ ...values, [name]: event.currentTarget.value });
  const { busy, problem, submit } = useSubmit(async () => {
    const who = await change<Me>('POST', '/setup', { ...values, token: values.token.trim(), email: values.email.trim() });
    navigate('/admin/endpoints', { replace: true });
    enter(who);
  });
  return (
    <main class="sign-in">
      <div class="card">
        <div>
          <Title of="Set-up">Set up inkling</Title>
          <p class="sub">This makes your organization and its first administrator.</p>
        </div>
        <form class="form" onSubmit={submit}>
          <Input label="Token" hint="The service wrote it into its log when it started." required value={values.token} onInput={put('token')} autofocus />
          <Input label="Name of the organization" required maxLength={200} value={values.organization} onInput={put('organization')} />
          <Select label="Time zone of its reports" value={values.time_zone} options={zones(values.time_zone)} onChange={(time_zone) => setValues({ ...values, time_zone })} />
          <Input label="Your name" maxLength={200} autocomplete="name" value={values.name} onInput={put('name')} />
          <Input label="E-mail address" type="email" required maxLength={254} autocomplete="username" value={values.email} onInput={put('email')} />
          <Input label="Password" type="password" required minLength={12} autocomplete="new-password" hint={PASSWORD_HINT} value={values.password} onInput={put('password')} />
          <Refusal problem={problem} />
          <button type="submit" class="button primary" disabled={busy}>Begin</button>
        </form>
      </div>
    </main>
  );
}

interface Link {
  kind: 'invitation' | 'password';
  email: string;
  name: string | null;
  organization: string;
}

// The token stands behind "#", which browsers tell nobody; it is taken out of the address at once.
export function Welcome(): JSX.Element {
  const [token] = useState(() => window.location.hash.slice(1));
  const [link, setLink] = useState<Link | null>(null);
  const [gone, setGone] = useState('');
  const [done, setDone] = useState(false);
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  useEffect(() => {
    history.replaceState(history.state, '', '/welcome');
    change<Link>('POST', '/account-links/show', { token })
      .then((found) => {
        setLink(found);
        setName(found.name ?? '');
      })
      .catch((problem: Problem) => setGone(problem.status === 404 || problem.status === 400 ? 'This link was used, replaced by another, or is too old. Ask your administrator for a new one.' : problem.detail));
  }, []);
  const { busy, problem, submit } = useSubmit(async () => {
    const who = await change<Me | undefined>('POST', '/account-links/redeem', { token, password, ...(name.trim() ? { name: name.trim() } : {}) });
    if (!who) return setDone(true);
    navigate('/dashboard', { replace: true });
    enter(who);
  });
  return (
    <main class="sign-in">
      <div class="card">
        <Title of="Welcome">{link?.kind === 'password' ? 'A new password' : 'Welcome to inkling'}</Title>
        {gone && <p class="notice bad" role="alert">{gone}</p>}
        {done && <p class="notice">Your password is set. <a href="/sign-in">Sign in</a> with it and the code of your authenticator.</p>}
        {link && !done && (
          <form class="form" onSubmit={submit}>
            <p class="sub">For {link.email} at {link.organization}.</p>
            {link.kind === 'invitation' && <Input label="Your name" maxLength={200} autocomplete="name" value={name} onInput={(event) => setName(event.currentTarget.value)} />}
            <Input label="Password" type="password" required minLength={12} autocomplete="new-password" hint={PASSWORD_HINT} value={password} onInput={(event) => setPassword(event.currentTarget.value)} autofocus />
            <Refusal problem={problem} />
            <button type="submit" class="button primary" disabled={busy}>Set the password</button>
          </form>
        )}
      </div>
    </main>
  );
}
