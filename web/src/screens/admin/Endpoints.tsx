// Webhook endpoints: what each email service is told, and whether it works.
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { change, refresh, useResource } from '../../api';
import { clockText, count, duration, fraction, NOTHING, percent } from '../../format';
import type { Delivery, Endpoint, EndpointHealth, Page, Provider } from '../../types';
import { Confirm, Dialog, useSubmit } from '../../ui/Dialog';
import { Done, FormEnd } from '../../ui/Ends';
import { Facts, type Fact } from '../../ui/Facts';
import { Area, Check, Input, Select } from '../../ui/Field';
import { Empty, Panel } from '../../ui/Panel';
import { Small } from '../../ui/Small';
import { Time } from '../../ui/Time';
import { Copy } from './Copy';

const LOOK_EVERY_MS = 2000;
const lines = (text: string): string[] => text.split('\n').map((line) => line.trim()).filter(Boolean);

function state(endpoint: Endpoint): [string, string, string] {
  if (endpoint.disabled_at) return ['Disabled', '', 'Its address answers 404.'];
  if (endpoint.pending_confirmation) return ['Waits for confirmation', 'warn', `Amazon asked to confirm the topic ${endpoint.pending_confirmation.topic}.`];
  if (!endpoint.ready) return ['Not ready', 'warn', endpoint.hint ?? 'Something is missing.'];
  if (endpoint.health === 'failing') return ['Failing', 'bad', endpoint.health_reason ?? ''];
  if (endpoint.health === 'quiet') return ['Quiet', 'warn', endpoint.health_reason ?? ''];
  return ['Ready', 'good', endpoint.require_signature ? 'Signed deliveries are accepted.' : 'Unsigned deliveries with the right credentials are accepted.'];
}

type Lock = 'basic' | 'bearer' | 'header';
const locks: [Lock, string][] = [['basic', 'User name and password'], ['bearer', 'Bearer token'], ['header', 'A header']];
const madeUp = (): string => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');

// Turns green, or tells the cause, by itself: while somebody sets the service up on another page.
function Waiting({ id }: { id: number }): JSX.Element {
  const path = `/endpoints/${id}/health`;
  const health = useResource<EndpointHealth>(path).data;
  useEffect(() => {
    const timer = setInterval(() => refresh(path), LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  const [words, tone] = health?.health === 'failing' ? [health.health_reason, 'bad'] : health?.last_event_at ? ['The first events have come.', 'good'] : ['Waiting for the first delivery …', ''];
  return <p role="status" class={`notice ${tone}`}>{words}</p>;
}

// What the service has to be told: its address and, where it signs nothing, what it shows instead.
function Made({ endpoint, lock, user, password, onClose }: { endpoint: Endpoint; lock: Lock; user: string; password: string; onClose: () => void }): JSX.Element {
  const locked = endpoint.credentials.length > 0;
  const url = locked && lock === 'basic' ? endpoint.url.replace('://', `://${encodeURIComponent(user)}:${encodeURIComponent(password)}@`) : endpoint.url;
  return (
    <Dialog title="The endpoint is there" onClose={onClose}>
      <p>Enter this address at {endpoint.provider_title}:</p>
      <Copy text={url} label="Address of the endpoint" />
      {locked && lock !== 'basic' && <><p>Each request must have this header:</p><Copy text={lock === 'bearer' ? `Authorization: Bearer ${password}` : `${user}: ${password}`} label="Header" /></>}
      {locked && <p class="notice warn">The password is not shown again.</p>}
      {endpoint.hint && <p class="notice warn">{endpoint.hint}</p>}
      {!locked && <p class="small muted">A key that the service shows only now can be added later: what comes until then is kept, and processed when it is there.</p>}
      <Waiting id={endpoint.id} />
      <Done label="Done" onClose={onClose} />
    </Dialog>
  );
}

function Form({ endpoint, providers, onClose }: { endpoint: Endpoint | null; providers: Provider[]; onClose: () => void }): JSX.Element {
  const [provider, setProvider] = useState(endpoint?.provider ?? 'sendgrid');
  const [name, setName] = useState(endpoint?.name ?? '');
  const [secrets, setSecrets] = useState('');
  const [topics, setTopics] = useState((endpoint?.topic_arns ?? []).join('\n'));
  const [cidrs, setCidrs] = useState((endpoint?.allowed_cidrs ?? []).join('\n'));
  const [add, setAdd] = useState(true);
  const [lock, setLock] = useState<Lock>('basic');
  const [user, setUser] = useState('');
  const [password, setPassword] = useState(endpoint ? '' : madeUp);
  const [made, setMade] = useState<Endpoint | null>(null);
  const { title, secret_help: help, signs, topics: hasTopics } = providers.find((one) => one.provider === provider) ?? { title: provider, secret_help: 'This version does not know the service', signs: true, topics: false };
  const { busy, problem, submit } = useSubmit(async () => {
    const given = lines(secrets);
    const credential = { ...(lock === 'basic' ? { username: user.trim() } : lock === 'header' ? { header: user.trim() } : {}), password };
    const more = {
      ...(name.trim() ? { name: name.trim() } : {}),
      ...(hasTopics ? { topic_arns: lines(topics) } : {}),
      ...(!signs && password ? { credentials: [credential] } : {}),
      ...(given.length === 0 ? {} : endpoint && add ? { add_secrets: given } : { secrets: given }),
      allowed_cidrs: lines(cidrs),
    };
    const kept = endpoint ? await change<Endpoint>('PATCH', `/endpoints/${endpoint.id}`, more) : await change<Endpoint>('POST', '/endpoints', { provider, ...more });
    refresh('/endpoints');
    if (endpoint && !more.credentials) onClose();
    else setMade(kept);
  });
  if (made) return <Made endpoint={made} lock={lock} user={user.trim()} password={password} onClose={onClose} />;
  return (
    <Dialog title={endpoint ? 'Change the endpoint' : 'New endpoint'} onClose={onClose}>
      <form class="form" onSubmit={submit}>
        {!endpoint && <Select label="Email service" value={provider} options={providers.map((one) => [one.provider, one.title])} onChange={setProvider} />}
        <Input label="Name" maxLength={100} placeholder={title} value={name} onInput={(event) => setName(event.currentTarget.value)} />
        {signs ? <Area label={endpoint ? 'New keys, one a line' : 'Keys, one a line'} hint={`${help}.${endpoint ? ` ${count(endpoint.secret_count)} kept; they are never shown.` : ''}`} value={secrets} onInput={(event) => setSecrets(event.currentTarget.value)} /> : (
          <>
            <p class="small muted">{help}.</p>
            <Select label="Credentials" value={lock} options={locks} onChange={(value) => setLock(value as Lock)} />
            {lock !== 'bearer' && <Input label={lock === 'basic' ? 'User name' : 'Name of the header'} required={!endpoint || password !== ''} maxLength={64} value={user} onInput={(event) => setUser(event.currentTarget.value)} />}
            <Input label="Password" required={!endpoint} maxLength={256} placeholder={endpoint ? 'As it is' : ''} value={password} onInput={(event) => setPassword(event.currentTarget.value)} />
          </>
        )}
        {endpoint && lines(secrets).length > 0 && <Check label="Beside the keys there are, for a change without a gap" checked={add} onChange={(event) => setAdd(event.currentTarget.checked)} />}
        {hasTopics && <Area label="SNS topics, one a line" placeholder="arn:aws:sns:…" value={topics} onInput={(event) => setTopics(event.currentTarget.value)} />}
        <Area label="Sources that may deliver, one block a line" hint="Empty: all." placeholder="192.0.2.0/24" value={cidrs} onInput={(event) => setCidrs(event.currentTarget.value)} />
        <FormEnd busy={busy} problem={problem} label={endpoint ? 'Save' : 'Make the endpoint'} onClose={onClose} />
      </form>
    </Dialog>
  );
}

// The events of the last 24 hours as bars, and marks over those hours that had errors.
function Day({ hours }: { hours: EndpointHealth['hours'] }): JSX.Element {
  const most = Math.max(1, ...hours.map(({ events }) => events));
  const bad = hours.filter(({ errors }) => errors).length;
  return (
    <svg class="hours" role="img" aria-label={`Events by hour in the last day, ${count(most)} at most; ${count(bad)} hours with errors`} viewBox="0 0 240 32" preserveAspectRatio="none">
      {hours.map(({ from, events, errors }, index) => (
        <g key={from}>
          <title>{`${clockText(from)}: ${count(events)} events, ${count(errors)} errors`}</title>
          <path d={`M${index * 10} 32h8v${-1 - (events / most) * 23}h-8`} />
          {errors > 0 && <path class="bad" d={`M${index * 10} 0h8v5h-8`} />}
        </g>
      ))}
    </svg>
  );
}

// What the service found about an endpoint, from counts by the hour.
function Health({ endpoint }: { endpoint: Endpoint }): JSX.Element {
  const failed = useResource<Page<Delivery>>(`/failed-deliveries?endpoint=${endpoint.id}&state=kept&limit=50`).data;
  const health = useResource<EndpointHealth>(`/endpoints/${endpoint.id}/health`).data;
  const waiting = failed?.data.length ?? 0;
  const usual = (events: number, most: number): string => `${count(events)}, usually ${count(most)}`;
  const facts: Fact[] = [
    ['Deliveries that wait', failed && waiting ? <a href={`/admin/failed-deliveries?endpoint=${endpoint.id}`}>{count(waiting)}{failed.next_cursor ? ' or more' : ''}</a> : failed ? 'None' : '–'],
    ...(health ? [
      ['Last event', health.last_event_at ? <Time at={health.last_event_at} /> : 'None'],
      ['Events in an hour', usual(health.events_last_hour, health.events_usual_hour)],
      ['Events in a day', usual(health.events_last_day, health.events_usual_day)],
      ['Refused in a day', <a href="/admin/security-events">{count(health.rejected_last_day)}</a>],
      ['Unreadable in a day', count(health.unreadable_last_day)],
      ['Errors in a day', percent(health.error_rate)],
      ['95 % taken within', health.processing_p95_ms ? (health.processing_p95_ms > 1000 ? 'Over a second' : `${health.processing_p95_ms} ms`) : NOTHING],
      ['Delay', duration(health.delay_ms / 1000)],
      ['Clock ahead', duration(health.clock_ahead_ms / 1000)],
      ['Unknown emails in a week', <a href="/admin/orphan-events">{fraction(health.last_week.orphans, health.last_week.events, '')}</a>],
    ] as Fact[] : []),
    ['Keys', `${count(endpoint.secret_count)}${endpoint.credentials.length > 0 ? `, ${count(endpoint.credentials.length)} credentials` : ''}`],
    ['Sources', endpoint.allowed_cidrs.join(', ') || 'All'],
  ];
  return (
    <>
      {health && <Day hours={health.hours} />}
      <Facts small of={facts} />
    </>
  );
}

export function Endpoints(): JSX.Element {
  const list = useResource<Page<Endpoint>>('/endpoints?limit=200');
  const providers = useResource<Page<Provider>>('/providers').data?.data;
  const [editing, setEditing] = useState<Endpoint | 'new' | null>(null);
  const [ending, setEnding] = useState<Endpoint | null>(null);
  const confirmTopic = (endpoint: Endpoint): void => {
    void change('POST', `/endpoints/${endpoint.id}/confirm`).finally(() => refresh('/endpoints'));
  };
  return (
    <>
      <div class="head">
        <p class="sub">Each is an address for one email service. Its keys are stored encrypted and never shown.</p>
        <button type="button" class="button primary" onClick={() => setEditing('new')}>New endpoint</button>
      </div>
      <Panel of={list} height={320}>
        {({ data }) =>
          data.length === 0 ? (
            <div class="card"><Empty title="No endpoint yet"><p>Make one, then enter its address at your email service. Opens and clicks arrive from then on.</p></Empty></div>
          ) : (
            <div class="stack">
              {data.map((endpoint) => {
                const [words, tone, why] = state(endpoint);
                return (
                  <section key={endpoint.id} class={`card stack ${endpoint.disabled_at ? 'dim' : ''}`} style={{ gap: '12px' }} aria-label={endpoint.name}>
                    <header style={{ margin: 0 }}>
                      <div>
                        <h2>{endpoint.name}</h2>
                        <span class="small muted">{endpoint.provider_title}</span>
                      </div>
                      <span class={`chip ${tone}`}>{words}</span>
                    </header>
                    <p class="small sub">{why}</p>
                    <Copy text={endpoint.url} label={`Address of ${endpoint.name}`} />
                    {endpoint.inbound_url && <><p class="small muted">For received mail, when the service hands it on:</p><Copy text={endpoint.inbound_url} label={`Address for received mail of ${endpoint.name}`} /></>}
                    <Health endpoint={endpoint} />
                    {!endpoint.disabled_at && (
                      <div class="row">
                        {endpoint.pending_confirmation && <Small tone="primary" onClick={() => confirmTopic(endpoint)}>Confirm the topic</Small>}
                        <Small onClick={() => setEditing(endpoint)}>Change</Small>
                        <Small tone="danger" onClick={() => setEnding(endpoint)}>Disable</Small>
                      </div>
                    )}
                  </section>
                );
              })}
            </div>
          )
        }
      </Panel>
      {editing && providers && <Form providers={providers} endpoint={editing === 'new' ? null : editing} onClose={() => setEditing(null)} />}
      {ending && (
        <Confirm title="Disable this endpoint?" label="Disable for good" onClose={() => setEnding(null)} action={async () => { await change('DELETE', `/endpoints/${ending.id}`); refresh('/endpoints'); }}>
          <p>{ending.name} will answer 404 from now on, and the service’s deliveries are lost. What it received stays. This cannot be taken back.</p>
        </Confirm>
      )}
    </>
  );
}
