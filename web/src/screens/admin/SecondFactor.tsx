// A second factor: codes of an authenticator (RFC 6238) beside the password.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { change, get } from '../../api';
import { enter, me } from '../../state';
import type { Me } from '../../types';
import { Dialog, useSubmit } from '../../ui/Dialog';
import { Done, FormEnd } from '../../ui/Ends';
import { Input } from '../../ui/Field';
import { Copy } from './Copy';

function Begin({ onClose }: { onClose: () => void }): JSX.Element {
  const [password, setPassword] = useState('');
  const [secret, setSecret] = useState<{ secret: string; uri: string } | null>(null);
  const [code, setCode] = useState('');
  const [codes, setCodes] = useState<string[] | null>(null);
  const first = useSubmit(async () => setSecret(await change('POST', '/me/second-factor', { password })));
  const second = useSubmit(async () => {
    const { recovery_codes } = await change<{ recovery_codes: string[] }>('PUT', '/me/second-factor', { code: code.trim() });
    setCodes(recovery_codes);
    enter(await get<Me>('/me'));
  });
  if (codes)
    return (
      <Dialog title="Keep these codes" onClose={() => undefined}>
        <p>If you lose the authenticator, each of these signs you in once. They are shown this once.</p>
        <pre class="mono" tabIndex={0}>{codes.join('\n')}</pre>
        <Done label="I have them" onClose={onClose} />
      </Dialog>
    );
  if (secret)
    return (
      <Dialog title="Enter the secret into your authenticator" onClose={onClose}>
        <form class="form" onSubmit={second.submit}>
          <Copy text={secret.secret} label="Secret" />
          <p class="small"><a href={secret.uri} target="_blank" rel="noreferrer">Open it in an authenticator on this device</a></p>
          <Input label="The code that it shows now" inputMode="numeric" autocomplete="one-time-code" required value={code} onInput={(event) => setCode(event.currentTarget.value)} />
          <FormEnd busy={second.busy} problem={second.problem} label="Put it into force" onClose={onClose} />
        </form>
      </Dialog>
    );
  return (
    <Dialog title="Second factor" onClose={onClose}>
      <form class="form" onSubmit={first.submit}>
        <Input label="Your password" type="password" autocomplete="current-password" required autofocus value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
        <FormEnd busy={first.busy} problem={first.problem} label="Go on" onClose={onClose} />
      </form>
    </Dialog>
  );
}

function Remove({ onClose }: { onClose: () => void }): JSX.Element {
  const [password, setPassword] = useState('');
  const { busy, problem, submit } = useSubmit(async () => {
    await change('POST', '/me/second-factor/remove', { password });
    enter(await get<Me>('/me'));
    onClose();
  });
  return (
    <Dialog title="Take the second factor away?" onClose={onClose}>
      <form class="form" onSubmit={submit}>
        <p>Then your password alone is enough to sign in.</p>
        <Input label="Your password" type="password" autocomplete="current-password" required autofocus value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
        <FormEnd busy={busy} problem={problem} label="Take it away" danger onClose={onClose} />
      </form>
    </Dialog>
  );
}

export function SecondFactor(): JSX.Element {
  const [open, setOpen] = useState<'begin' | 'remove' | null>(null);
  const on = me.value!.user.has_second_factor;
  return (
    <section class="card" aria-labelledby="second-factor">
      <header>
        <h2 id="second-factor">Second factor</h2>
        <span class={`chip ${on ? 'good' : ''}`}>{on ? 'In force' : 'Off'}</span>
      </header>
      <div class="stack" style={{ gap: '12px', justifyItems: 'start' }}>
        <p class="sub">{on ? 'Signing in asks for a code of your authenticator.' : 'With it, a stolen password is not enough to sign in.'}</p>
        <button type="button" class={`button ${on ? 'danger' : ''}`} onClick={() => setOpen(on ? 'remove' : 'begin')}>{on ? 'Take it away' : 'Set it up'}</button>
      </div>
      {open === 'begin' && <Begin onClose={() => setOpen(null)} />}
      {open === 'remove' && <Remove onClose={() => setOpen(null)} />}
    </section>
  );
}
