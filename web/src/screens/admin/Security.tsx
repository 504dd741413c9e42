// Refusals worth attention (EF-1).
import type { JSX } from 'preact';
import { query } from '../../api';
import { count } from '../../format';
import { usePages } from '../../pages';
import { readQuery, setQuery, text } from '../../router';
import type { SecurityEvent } from '../../types';
import { DataTable, type Column } from '../../ui/DataTable';
import { Select } from '../../ui/Field';
import { Filters } from '../../ui/Filters';
import { Csv, More } from '../../ui/More';
import { Empty, Panel } from '../../ui/Panel';
import { Time } from '../../ui/Time';

const kinds: [string, string][] = [
  ['', 'All kinds'], ['webhook_signature', 'Wrong signature'], ['webhook_credentials', 'Wrong credentials'], ['webhook_address', 'Source not allowed'], ['api_key', 'API key refused'],
  ['sign_in', 'Wrong password'], ['second_factor', 'Wrong code'], ['single_sign_on', 'Single sign-on failed'], ['cross_site', 'Asked for by another site'], ['webhook_subscription_disabled', 'Webhook disabled'],
];
const kindWords = (kind: string): string => kinds.find(([key]) => key === kind)?.[1] ?? kind.replaceAll('_', ' ');
const parameters = { kind: text('', 40) };

const columns: Column<SecurityEvent>[] = [
  { key: 'last', label: 'Last', fit: true, head: true, cell: (row) => <Time at={row.last_at} as="short" /> },
  { key: 'kind', label: 'What', cell: (row) => <span class="two-lines"><span>{kindWords(row.kind)}</span><span class="small muted">{row.detail}</span></span> },
  { key: 'source', label: 'From', fit: true, cell: (row) => <span class="mono">{row.source ?? '–'}</span> },
  { key: 'count', label: 'Times', number: true, cell: (row) => count(row.count) },
  { key: 'first', label: 'First', fit: true, wide: true, cell: (row) => <Time at={row.first_at} as="short" /> },
];

export function Security(): JSX.Element {
  const values = readQuery(parameters);
  const path = `/security-events${query({ kind: values.kind })}`;
  const pages = usePages<SecurityEvent>(path);
  const known = kinds.some(([key]) => key === values.kind);
  return (
    <>
      <div class="head">
        <p class="sub">Requests that were refused for their signature, source or key. A service whose key was changed shows up here first.</p>
        <Csv path={`/security-events${query({ kind: values.kind, limit: 500 })}`} name="security-events" />
      </div>
      <Filters>
        <Select label="Kind" value={values.kind} options={known ? kinds : [...kinds, [values.kind, kindWords(values.kind)]]} onChange={(kind) => setQuery({ kind })} />
      </Filters>
      <section class="card card-flush" aria-label="Security events">
        <Panel of={pages} height={240}>
          {(rows) =>
            rows.length === 0 ? <Empty title={values.kind ? 'None of this kind' : 'Nothing was refused'} /> : (
              <>
                <DataTable stacked label="Security events" columns={columns} rows={rows} rowKey={({ id }) => id} />
                <More pages={pages} shown={`${count(rows.length)} shown, the latest first`} />
              </>
            )
          }
        </Panel>
      </section>
    </>
  );
}
