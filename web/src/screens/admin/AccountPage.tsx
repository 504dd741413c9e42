// The signed-in person's own account.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { change, refresh, useResource } from '../../api';
import { me, setTheme, theme, type Theme } from '../../state';
import type { Page, Session } from '../../types';
import { roleWords } from '../Account';
import { DataTable, type Column } from '../../ui/DataTable';
import { Refusal, useSubmit } from '../../ui/Dialog';
import { Input, Select } from '../../ui/Field';
import { Panel } from '../../ui/Panel';
import { Small } from '../../ui/Small';
import { Time } from '../../ui/Time';
import { Title } from '../../ui/Title';
import { SecondFactor } from './SecondFactor';

function Password(): JSX.Element {
  const [current, setCurrent] = useState('');
  const [password, setPassword] = useState('');
  const [saved, setSaved] = useState('');
  const { busy, problem, submit } = useSubmit(async () => {
    setSaved('');
    await change('PUT', '/me/password', { current, password });
    setCurrent('');
    setPassword('');
    setSaved('Changed. All your other sessions have ended.');
    refresh('/me/sessions');
  });
  return (
    <form class="form" onSubmit={submit}>
      <Input label="Current password" type="password" autocomplete="current-password" required value={current} onInput={(event) => setCurrent(event.currentTarget.value)} />
      <Input label="New password" type="password" autocomplete="new-password" required minLength={12} hint="At least 12 characters. A few unrelated words do well." value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
      <Refusal problem={problem} />
      <div class="row"><button type="submit" class="button" disabled={busy}>Change the password</button><span role="status" class="small">{saved}</span></div>
    </form>
  );
}

export function AccountPage(): JSX.Element {
  const sessions = useResource<Page<Session>>('/me/sessions');
  const end = (id: number | ''): void => void change('DELETE', `/me/sessions${id === '' ? '' : `/${id}`}`).finally(() => refresh('/me/sessions'));
  const columns: Column<Session>[] = [
    { key: 'device', label: 'Browser', head: true, cell: (row) => <span class="two-lines"><span>{row.current ? 'This one' : 'Another'}</span><span class="small muted">{[row.agent, row.source].filter(Boolean).join(' · ')}</span></span> },
    { key: 'since', label: 'Since', fit: true, cell: (row) => <Time at={row.created_at} as="short" /> },
    { key: 'used', label: 'Last used', fit: true, cell: (row) => <Time at={row.last_used_at} /> },
    { key: 'end', label: '', fit: true, cell: (row) => (row.current ? null : <Small tone="danger" onClick={() => end(row.id)}>End</Small>) },
  ];
  return (
    <>
      <div>
        <Title of="Your account">Your account</Title>
        <p class="sub">{me.value!.user.email} · {roleWords[me.value!.role]} of {me.value!.organization.name}</p>
      </div>
      <section class="card" aria-labelledby="display">
        <header><h2 id="display">This browser</h2></header>
        <div class="form">
          <Select label="Colours" value={theme.value} options={[['system', 'As the system'], ['light', 'Light'], ['dark', 'Dark']]} onChange={(value) => setTheme(value as Theme)} />
          <p><a href="/notifications/preferences">Notifications and keys</a></p>
        </div>
      </section>
      <section class="card" aria-labelledby="password">
        <header><h2 id="password">Password</h2></header>
        <Password />
      </section>
      <SecondFactor />
      <section class="card card-flush" aria-labelledby="sessions">
        <header><h2 id="sessions">Where you are signed in</h2><Small onClick={() => end('')}>End all others</Small></header>
        <Panel of={sessions} height={120}>{({ data }) => <DataTable stacked label="Sessions" columns={columns} rows={data} rowKey={({ id }) => id} />}</Panel>
      </section>
    </>
  );
}
