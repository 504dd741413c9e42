// What was changed and taken out, by whom and from where (compliance C-80).
import type { JSX } from 'preact';
import { query } from '../../api';
import { count, today } from '../../format';
import { usePages } from '../../pages';
import { day, readQuery, setQuery, text } from '../../router';
import type { AuditEntry } from '../../types';
import { DataTable, type Column } from '../../ui/DataTable';
import { Input, Select } from '../../ui/Field';
import { Filters, ZoneNote } from '../../ui/Filters';
import { Csv, More } from '../../ui/More';
import { Empty, Panel } from '../../ui/Panel';
import { Small } from '../../ui/Small';
import { Time } from '../../ui/Time';

const parameters = { actor: text('', 40), action: text('', 64), object: text('', 60), from: day(), to: day() };
const actors: [string, string][] = [['', 'Anybody'], ['user', 'People'], ['api_key', 'API keys'], ['command', 'Command line'], ['system', 'inkling itself']];
const areas: [string, string][] = [
  ['', 'Everything'], ['session', 'Signing in and out'], ['settings', 'Settings'], ['users', 'Users'], ['api-keys', 'API keys'], ['endpoints', 'Endpoints'],
  ['candidates', 'Candidates'], ['campaigns', 'Campaigns'], ['orphan-events', 'Orphan events'], ['failed-deliveries', 'Failed deliveries'], ['token-keys', 'Keys of tracking links'],
];
const plain = (word: string): string => word.replaceAll(/[-_.]/g, ' ');
const value = (of: unknown): string => (of === null || of === undefined ? 'nothing' : typeof of === 'object' ? JSON.stringify(of) : String(of));

export function actorWords({ actor, actor_id: id, actor_name: name }: AuditEntry): string {
  if (actor === 'command') return 'Command line';
  if (actor === 'system') return 'inkling itself';
  return actor === 'user' ? (name ?? `User ${id}`) : `API key ${name ?? id}`;
}

function Detail({ entry }: { entry: AuditEntry }): JSX.Element {
  const { changes, rows } = entry.detail;
  if (rows !== undefined) return <>{count(rows)} rows</>;
  if (!changes) return <span class="muted">–</span>;
  if (typeof changes === 'string') return <>{changes}</>;
  const parts = Object.entries(changes);
  if (parts.length === 0) return <span class="muted">Nothing differs</span>;
  return (
    <ul class="small" style={{ listStyle: 'none', margin: 0, padding: 0 }}>
      {parts.map(([name, part]) => (
        <li key={name}>
          {plain(name)}
          {part === true ? ': set anew' : part.from === undefined ? `: ${value(part.to)}` : `: ${value(part.from)} → ${value(part.to)}`}
        </li>
      ))}
    </ul>
  );
}

const objectLink = (row: AuditEntry): JSX.Element | string => {
  if (!row.object) return '–';
  if (row.object_id === null) return plain(row.object);
  const name = `${row.object}:${row.object_id}`;
  return <button type="button" class="link" onClick={() => setQuery({ object: name })}>{plain(row.object)} {row.object_id}</button>;
};

const columns: Column<AuditEntry>[] = [
  { key: 'at', label: 'When', fit: true, head: true, cell: (row) => <Time at={row.at} as="short" /> },
  { key: 'actor', label: 'Who', cell: (row) => <span class="two-lines"><span>{actorWords(row)}</span><span class="small muted">{row.source ?? ''}</span></span> },
  { key: 'action', label: 'What', cell: (row) => <span class="mono">{row.action}</span> },
  { key: 'object', label: 'Of', fit: true, cell: objectLink },
  { key: 'detail', label: 'How', cell: (row) => <Detail entry={row} /> },
  { key: 'id', label: 'No.', number: true, wide: true, cell: (row) => count(row.id) },
];

export function AuditLog(): JSX.Element {
  const values = readQuery(parameters);
  const asked = {
    actor: /^(user|api_key|command|system)(:[1-9]\d*)?$/.test(values.actor) ? values.actor : '', action: values.action,
    object: /^[a-z-]+(:[1-9]\d*)?$/.test(values.object) ? values.object : '', from: values.from, to: values.to,
  };
  const pages = usePages<AuditEntry>(`/audit-log${query(asked)}`);
  const filtered = Object.values(asked).some(Boolean);
  const withChosen = (options: [string, string][], chosen: string): [string, string][] => (options.some(([key]) => key === chosen) ? options : [...options, [chosen, plain(chosen)]]);
  return (
    <>
      <div class="head">
        <p class="sub">Who changed what, who took lists out, and who signed in. Entries cannot be changed unnoticed: each carries a hash over the one before, which <code>inkling verify</code> checks.</p>
        <Csv path={`/audit-log${query({ ...asked, limit: 1000 })}`} name="audit-log" />
      </div>
      <Filters>
        <Select label="Who" value={values.actor} options={withChosen(actors, values.actor)} onChange={(actor) => setQuery({ actor })} />
        <Select label="What" value={values.action} options={withChosen(areas, values.action)} onChange={(action) => setQuery({ action })} />
        <Input label="First day" type="date" value={values.from} max={today()} onChange={(event) => setQuery({ from: event.currentTarget.value })} />
        <Input label="Last day" type="date" value={values.to} max={today()} onChange={(event) => setQuery({ to: event.currentTarget.value })} />
        {asked.object && <button type="button" class="button" onClick={() => setQuery({ object: '' })}>Of {plain(asked.object).replace(':', ' ')} <span aria-hidden="true">×</span><span class="hidden-text">: show all</span></button>}
        <ZoneNote />
      </Filters>
      <section class="card card-flush" aria-label="Audit log">
        <Panel of={pages} height={240}>
          {(rows) =>
            rows.length === 0 ? (
              <Empty title={filtered ? 'No entry fits' : 'Nothing yet'}>{filtered && <Small onClick={() => setQuery({ actor: '', action: '', object: '', from: '', to: '' })}>Clear filters</Small>}</Empty>
            ) : (
              <>
                <DataTable stacked label="Audit log" columns={columns} rows={rows} rowKey={({ id }) => id} />
                <More pages={pages} shown={`${count(rows.length)} shown, the latest first`} />
              </>
            )
          }
        </Panel>
      </section>
    </>
  );
}
