// One email: what happened to it, in order, and its links.
import type { JSX } from 'preact';
import { useResource } from '../api';
import { count, duration, nameOf } from '../format';
import { candidateKey, thing } from '../links';
import { choice, readQuery, setQuery } from '../router';
import type { Email as EmailRow, EmailLink, Event, Level, Page } from '../types';
import { Chips } from '../ui/Chips';
import { DataTable, type Column } from '../ui/DataTable';
import { Facts, type Fact } from '../ui/Facts';
import { Empty, Panel } from '../ui/Panel';
import { Time } from '../ui/Time';
import { Timeline } from '../ui/Timeline';
import { Title } from '../ui/Title';

const parameters = { auto: choice('', '1') };

export const levelWords: Record<Level, string> = { full: 'Opens and clicks', clicks: 'Clicks only', aggregate: 'Counted without the person', none: 'Not tracked' };

const linkColumns: Column<EmailLink>[] = [
  {
    key: 'url', label: 'Link', head: true,
    cell: (row) => <span class="two-lines"><span class="mono">{row.url ?? 'unknown'}</span><span class="small muted">{row.link_position === null ? '' : `link ${row.link_position + 1} of the email`}{row.clicked_at ? <>{row.link_position === null ? '' : ', '}first click <Time at={row.clicked_at} as="short" /></> : ''}</span></span>,
  },
  { key: 'clicks', label: 'Clicks', title: 'Clicks of people', number: true, cell: (row) => count(row.click_count) },
  { key: 'automatic', label: 'Automatic', number: true, cell: (row) => count(row.machine_click_count) },
];

// Why there may be less to see than happened.
function Reason({ email }: { email: EmailRow }): JSX.Element | null {
  if (email.tracking_now === 'full') return null;
  const after = email.tracking_now !== email.tracking ? ' The candidate or the campaign changed this after it was sent.' : '';
  const words = {
    clicks: 'Opens of this email are not recorded, so there is nothing to say about them.',
    aggregate: 'Opens and clicks of this email are only counted in the reports, without the person.',
    none: 'Opens and clicks of this email are not recorded.',
  }[email.tracking_now];
  return <p class="notice">{words}{after}</p>;
}

function FactsOf({ email }: { email: EmailRow }): JSX.Element {
  const facts: Fact[] = [
    ['Candidate', email.candidate ? <a href={thing('candidates', candidateKey(email.candidate))}>{nameOf(email.candidate)}</a> : 'Erased'],
    ['Sender', nameOf(email.sender)],
    ['Sent', <Time at={email.sent_at} as="short" />],
    ['Job', email.job ? <a href={thing('jobs', email.job.id)}>{nameOf(email.job)}</a> : '–'],
    ['Template', email.template ? <a href={thing('templates', email.template.id)}>{nameOf(email.template)}</a> : '–'],
    ['Campaign', email.campaign ? <a href={thing('campaigns', email.campaign.id)}>{nameOf(email.campaign)}</a> : '–'],
    ...(email.sequence ? [['Sequence', `${nameOf(email.sequence)}${email.sequence.step == null ? '' : `, step ${email.sequence.step}`}`] as [string, string]] : []),
    ['Opened after', email.opened_at ? duration((Date.parse(email.opened_at) - Date.parse(email.sent_at)) / 1000) : '–'],
    ['Tracking', levelWords[email.tracking_now]],
  ];
  return <Facts of={facts} />;
}

export function Email({ id }: { id: string }): JSX.Element {
  const values = readQuery(parameters);
  const path = `/emails/${encodeURIComponent(id)}`;
  const email = useResource<EmailRow>(path);
  const events = useResource<Page<Event>>(`${path}/events`);
  const links = useResource<Page<EmailLink>>(`${path}/links`);
  const gone = email.problem?.status === 404;
  return (
    <>
      <div class="head">
        <div>
          <p class="crumb"><a href="/emails">Emails</a></p>
          <Title of={email.data?.subject ?? 'Email'}>{email.data ? email.data.subject || 'No subject' : 'Email'}</Title>
        </div>
        {email.data && <Chips email={email.data} />}
      </div>
      <section class="card" aria-label="About this email">
        <Panel of={email} height={92}>{(data) => <FactsOf email={data} />}</Panel>
      </section>
      {email.data && <Reason email={email.data} />}
      {!gone && (
        <div class="two even">
          <section class="card" aria-labelledby="events">
            <header><h2 id="events">What happened</h2></header>
            <Panel of={events} height={320}>
              {(page) => (
                <>
                  <Timeline events={page.data} subjects={false} oldestFirst showAutomatic={values.auto === '1'} onAutomatic={(shown) => setQuery({ auto: shown ? '1' : '' }, { replace: true })} />
                  {page.truncated && <p class="small muted">Only the first 1,000 events are shown.</p>}
                </>
              )}
            </Panel>
          </section>
          <section class="card card-flush" aria-labelledby="links">
            <header><h2 id="links">Links</h2></header>
            <Panel of={links} height={120}>
              {({ data }) => (data.length === 0 ? <Empty title="No clicks yet"><p>Links appear here once they are clicked.</p></Empty> : <DataTable stacked label="Links" columns={linkColumns} rows={data} rowKey={(row) => `${row.link_position} ${row.url}`} />)}
            </Panel>
          </section>
        </div>
      )}
    </>
  );
}
