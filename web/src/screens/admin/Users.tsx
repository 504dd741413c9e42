// The people of the organization.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { change, refresh } from '../../api';
import { count, nameOf, shortMoment } from '../../format';
import { usePages } from '../../pages';
import { me } from '../../state';
import type { User } from '../../types';
import { roleWords } from '../Account';
import { DataTable, type Column } from '../../ui/DataTable';
import { Confirm, Dialog, useSubmit } from '../../ui/Dialog';
import { Done, FormEnd } from '../../ui/Ends';
import { Check, Input, Select } from '../../ui/Field';
import { More } from '../../ui/More';
import { Panel } from '../../ui/Panel';
import { Small } from '../../ui/Small';
import { Time } from '../../ui/Time';
import { Copy } from './Copy';

const roles: [string, string][] = [['recruiter', 'Recruiter: sees all emails and candidates'], ['hiring_manager', 'Hiring manager: sees those of their own jobs'], ['admin', 'Administrator: changes settings, too']];

interface AccountLink {
  url: string;
  expires_at: string;
}

function LinkDialog({ link, onClose }: { link: AccountLink; onClose: () => void }): JSX.Element {
  return (
    <Dialog title="Send this link" onClose={() => undefined}>
      <p>Whoever opens it sets the password of this account. It is shown this once, can be used once, and ends {shortMoment(link.expires_at)}.</p>
      <Copy text={link.url} label="Link" />
      <Done label="I have it" onClose={onClose} />
    </Dialog>
  );
}

function Form({ user, onClose }: { user: User | null; onClose: () => void }): JSX.Element {
  const [email, setEmail] = useState(user?.email ?? '');
  const [name, setName] = useState(user?.name ?? '');
  const [role, setRole] = useState<string>(user?.role ?? 'recruiter');
  const [audit, setAudit] = useState(user?.reads_audit ?? false);
  const [password, setPassword] = useState('');
  const [link, setLink] = useState<AccountLink | null>(null);
  const { busy, problem, submit } = useSubmit(async () => {
    const body = { email: email.trim(), name: name.trim(), role, ...(role !== 'admin' && { reads_audit: audit }), ...(password ? { password } : user ? {} : { invite: true }) };
    const answer = await change<{ link?: AccountLink }>(user ? 'PATCH' : 'POST', user ? `/users/${user.id}` : '/users', body);
    refresh('/users');
    if (answer.link) setLink(answer.link);
    else onClose();
  });
  if (link) return <LinkDialog link={link} onClose={onClose} />;
  return (
    <Dialog title={user ? `Change ${nameOf(user)}` : 'New user'} onClose={onClose}>
      <form class="form" onSubmit={submit}>
        <Input label="E-mail address" type="email" required maxLength={254} value={email} onInput={(event) => setEmail(event.currentTarget.value)} />
        <Input label="Name" maxLength={200} value={name} onInput={(event) => setName(event.currentTarget.value)} />
        <Select label="Role" value={role} options={roles} onChange={setRole} />
        {role !== 'admin' && <Check label="May read the audit log" checked={audit} onChange={(event) => setAudit(event.currentTarget.checked)} />}
        <Input label={user ? 'New password' : 'First password'} type="password" autocomplete="new-password" minLength={12} hint={user ? 'Empty: it stays as it is. A new one ends all sessions of this person.' : 'Leave it empty to get a link by which this person sets one.'} value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
        <FormEnd busy={busy} problem={problem} label={user ? 'Save' : 'Add the user'} onClose={onClose} />
      </form>
    </Dialog>
  );
}

export function Users(): JSX.Element {
  const pages = usePages<User>('/users');
  const [editing, setEditing] = useState<User | 'new' | null>(null);
  const [ending, setEnding] = useState<User | null>(null);
  const [link, setLink] = useState<AccountLink | null>(null);
  const makeLink = (user: User): void => void change<AccountLink>('POST', `/users/${user.id}/link`).then(setLink, () => refresh('/users'));
  const enable = (user: User): void => void change('PATCH', `/users/${user.id}`, { disabled: false }).finally(() => refresh('/users'));
  const columns: Column<User>[] = [
    { key: 'name', label: 'Name', head: true, cell: (row) => <span class="two-lines"><span>{nameOf(row)}</span>{row.name && <span class="small muted">{row.email}</span>}</span> },
    { key: 'role', label: 'Role', fit: true, cell: (row) => roleWords[row.role] ?? row.role },
    { key: 'state', label: 'Signs in', cell: (row) => row.disabled_at ? <span class="chip bad">Disabled</span> : row.has_password ? <span class="chip good">Yes</span> : <span class="chip" title="A sender that came with emails, or a user without a password">Not yet</span> },
    { key: 'seen', label: 'Signed in', fit: true, wide: true, cell: (row) => (row.signed_in_at ? <Time at={row.signed_in_at} /> : 'Never') },
    {
      key: 'actions', label: '', fit: true,
      cell: (row) => (
        <span class="row">
          <Small of={nameOf(row)} onClick={() => setEditing(row)}>Change</Small>
          {!row.disabled_at && <Small of={`for ${nameOf(row)}`} title="By it, this person sets a password" onClick={() => makeLink(row)}>Password link</Small>}
          {row.disabled_at ? <Small of={nameOf(row)} onClick={() => enable(row)}>Enable</Small>
            : row.id !== me.value?.user.id && <Small tone="danger" of={nameOf(row)} onClick={() => setEnding(row)}>Disable</Small>}
        </span>
      ),
    },
  ];
  return (
    <>
      <div class="head">
        <p class="sub">Those who sign in, and senders that came with emails.</p>
        <button type="button" class="button primary" onClick={() => setEditing('new')}>New user</button>
      </div>
      <section class="card card-flush" aria-label="Users">
        <Panel of={pages} height={240}>
          {(rows) => (
            <>
              <DataTable stacked label="Users" columns={columns} rows={rows} rowKey={({ id }) => id} />
              <More pages={pages} shown={`${count(rows.length)} shown`} />
            </>
          )}
        </Panel>
      </section>
      {link && <LinkDialog link={link} onClose={() => setLink(null)} />}
      {editing && <Form user={editing === 'new' ? null : editing} onClose={() => setEditing(null)} />}
      {ending && (
        <Confirm title={`Disable ${nameOf(ending)}?`} label="Disable" onClose={() => setEnding(null)} action={async () => { await change('DELETE', `/users/${ending.id}`); refresh('/users'); }}>
          <p>Their sessions end at once, and they cannot sign in any more. What they sent stays under their name. You can enable them again.</p>
        </Confirm>
      )}
    </>
  );
}

