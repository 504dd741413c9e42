// Keys of programs. A key is shown once, when it is made.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { change, refresh } from '../../api';
import { count } from '../../format';
import { usePages } from '../../pages';
import type { ApiKey } from '../../types';
import { DataTable, type Column } from '../../ui/DataTable';
import { Confirm, Dialog, useSubmit } from '../../ui/Dialog';
import { Done, FormEnd } from '../../ui/Ends';
import { Input, Select } from '../../ui/Field';
import { More } from '../../ui/More';
import { Empty, Panel } from '../../ui/Panel';
import { Small } from '../../ui/Small';
import { Time } from '../../ui/Time';
import { Copy } from './Copy';

const roles: [string, string][] = [['read', 'Read: figures, emails, candidates'], ['write', 'Write: registers emails, too'], ['ingest', 'Ingest: registers emails alone'], ['embed', 'Embed: shows pieces in other pages'], ['audit', 'Audit: reads the audit log alone'], ['admin', 'Administrator: everything']];

function Make({ onClose }: { onClose: () => void }): JSX.Element {
  const [name, setName] = useState('');
  const [role, setRole] = useState('write');
  const [days, setDays] = useState('');
  const [key, setKey] = useState('');
  const { busy, problem, submit } = useSubmit(async () => {
    const made = await change<ApiKey & { key: string }>('POST', '/api-keys', { name: name.trim(), role, ...(days ? { expires_in_days: Number(days) } : {}) });
    setKey(made.key);
    refresh('/api-keys');
  });
  if (key)
    return (
      <Dialog title="Copy the key now" onClose={() => undefined}>
        <p>This is the only time it is shown. Keep it where the program that uses it finds it, and nowhere else.</p>
        <Copy text={key} label="API key" />
        <Done label="I have it" onClose={onClose} />
      </Dialog>
    );
  return (
    <Dialog title="New API key" onClose={onClose}>
      <form class="form" onSubmit={submit}>
        <Input label="What it is for" required maxLength={100} placeholder="Applicant tracking system" value={name} onInput={(event) => setName(event.currentTarget.value)} />
        <Select label="What it may do" value={role} options={roles} onChange={setRole} />
        <Select label="Ends" value={days} options={[['', 'Never'], ['30', 'In 30 days'], ['90', 'In 90 days'], ['365', 'In a year']]} onChange={setDays} />
        <FormEnd busy={busy} problem={problem} label="Make the key" onClose={onClose} />
      </form>
    </Dialog>
  );
}

export function Keys(): JSX.Element {
  const pages = usePages<ApiKey>('/api-keys');
  const [making, setMaking] = useState(false);
  const [ending, setEnding] = useState<ApiKey | null>(null);
  const columns: Column<ApiKey>[] = [
    { key: 'name', label: 'For', head: true, cell: (row) => <span class="two-lines"><span>{row.name}</span><span class="mono muted">{row.prefix}…</span></span> },
    { key: 'role', label: 'May', cell: (row) => row.role },
    { key: 'made', label: 'Made', fit: true, wide: true, cell: (row) => <Time at={row.created_at} as="short" /> },
    { key: 'used', label: 'Last used', fit: true, cell: (row) => (row.last_used_at ? <Time at={row.last_used_at} /> : 'Never') },
    { key: 'ends', label: 'Ends', fit: true, wide: true, cell: (row) => (row.expires_at ? <Time at={row.expires_at} as="short" /> : 'Never') },
    { key: 'actions', label: '', fit: true, cell: (row) => (row.revoked_at ? <span class="chip bad">Revoked</span> : row.expires_at && Date.parse(row.expires_at) <= Date.now() ? <span class="chip">Ended</span> : <Small tone="danger" of={row.name} onClick={() => setEnding(row)}>Revoke</Small>) },
  ];
  return (
    <>
      <div class="head">
        <p class="sub">Programs show a key instead of signing in.</p>
        <button type="button" class="button primary" onClick={() => setMaking(true)}>New API key</button>
      </div>
      <section class="card card-flush" aria-label="API keys">
        <Panel of={pages} height={240}>
          {(rows) =>
            rows.length === 0 ? <Empty title="No keys yet" /> : (
              <>
                <DataTable stacked label="API keys" columns={columns} rows={rows} rowKey={({ id }) => id} />
                <More pages={pages} shown={`${count(rows.length)} shown`} />
              </>
            )
          }
        </Panel>
      </section>
      {making && <Make onClose={() => setMaking(false)} />}
      {ending && (
        <Confirm title="Revoke this key?" label="Revoke" onClose={() => setEnding(null)} action={async () => { await change('DELETE', `/api-keys/${ending.id}`); refresh('/api-keys'); }}>
          <p>Whatever uses “{ending.name}” is refused from now on. This cannot be taken back.</p>
        </Confirm>
      )}
    </>
  );
}
