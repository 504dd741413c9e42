// What administrators look after.
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { isAdmin, may } from '../../state';
import { showCurrent } from '../../ui/scroll';
import { Title } from '../../ui/Title';
import { AccountPage } from './AccountPage';
import { AuditLog } from './AuditLog';
import { Deliveries } from './Deliveries';
import { Endpoints } from './Endpoints';
import { Keys } from './Keys';
import { Orphans } from './Orphans';
import { Privacy } from './Privacy';
import { Security } from './Security';
import { SettingsPage } from './Settings';
import { Users } from './Users';
import { Webhooks } from './Webhooks';

const pages: [string, string, () => JSX.Element][] = [
  ['endpoints', 'Endpoints', Endpoints],
  ['orphan-events', 'Orphan events', Orphans],
  ['failed-deliveries', 'Failed deliveries', Deliveries],
  ['security-events', 'Security events', Security],
  ['webhooks', 'Webhooks', Webhooks],
  ['users', 'Users', Users],
  ['api-keys', 'API keys', Keys],
  ['settings', 'Settings', SettingsPage],
  ['privacy', 'Privacy and tracking', Privacy],
  ['audit-log', 'Audit log', AuditLog],
];

export function Admin({ page }: { page: string }): JSX.Element {
  const tabs = useRef<HTMLElement>(null);
  useEffect(() => showCurrent(tabs.current), [page]);
  if (page === 'account') return <AccountPage />;
  const [name, words, Content] = pages.find(([key]) => key === (page || 'endpoints')) ?? ['', 'Not found', () => <p>There is no such page. <a href="/admin">Administration</a></p>];
  const own = pages.filter(([key]) => isAdmin.value || (key === 'audit-log' && may('audit')));
  if (!isAdmin.value && !own.some(([key]) => key === name))
    return (
      <div class="card state">
        <Title of="Administration">Administration</Title>
        <p>These pages are for administrators. An administrator of your organization can give you the role.</p>
      </div>
    );
  return (
    <>
      <Title of={words}>{words}</Title>
      <nav class="tabs" aria-label="Administration" ref={tabs}>
        {own.map(([key, label]) => <a key={key} href={`/admin/${key}`} aria-current={key === name ? 'page' : undefined}>{label}</a>)}
      </nav>
      <Content />
    </>
  );
}
