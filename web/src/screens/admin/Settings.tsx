// The organization's settings.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { change, refresh, useResource } from '../../api';
import { reportZone } from '../../format';
import type { Settings } from '../../types';
import { Refusal, useSubmit } from '../../ui/Dialog';
import { Input, Select } from '../../ui/Field';
import { Panel } from '../../ui/Panel';
import { zones } from '../../ui/zones';

function Form({ settings }: { settings: Settings }): JSX.Element {
  const [name, setName] = useState(settings.name);
  const [zone, setZone] = useState(settings.time_zone);
  const [tracking, setTracking] = useState<string>(settings.tracking);
  const [consent, setConsent] = useState<string>(settings.consent_mode);
  const [address, setAddress] = useState<string>(settings.address_policy);
  const [days, setDays] = useState(String(settings.retention_days));
  const [saved, setSaved] = useState('');
  const { busy, problem, submit } = useSubmit(async () => {
    setSaved('');
    await change('PUT', '/settings', { name: name.trim(), time_zone: zone, tracking, consent_mode: consent, address_policy: address, retention_days: Number(days) });
    reportZone.value = zone;
    refresh('/settings');
    setSaved('Saved');
  });
  return (
    <form class="form" onSubmit={submit}>
      <Input label="Name of the organization" required maxLength={200} value={name} onInput={(event) => setName(event.currentTarget.value)} />
      <Select label="Time zone of the reports" value={zone} options={zones(zone)} onChange={setZone} />
      <p class="small muted">Emails that were sent keep their day.</p>
      <Select label="What is recorded" value={tracking} options={[['full', 'Opens and clicks'], ['clicks', 'Clicks only'], ['aggregate', 'Both, counted without the person'], ['none', 'Neither']]} onChange={setTracking} />
      <Select label="Without a person’s word" value={consent} options={[['opt_out', 'record, until they object'], ['opt_in', 'do not record, until they agree']]} onChange={setConsent} />
      <p class="small muted">Holds from now on, and for opens and clicks still to come of emails sent before. Bounces, replies and unsubscriptions are always recorded.</p>
      <Select label="Network addresses of readers" value={address} options={[['drop', 'are not stored'], ['truncate', 'are stored shortened'], ['keep', 'are stored']]} onChange={setAddress} />
      <Input label="Days that events are kept" type="number" min={1} max={3650} required value={days} onInput={(event) => setDays(event.currentTarget.value)} hint="Figures stay when events go." />
      <Refusal problem={problem} />
      <div class="row">
        <button type="submit" class="button primary" disabled={busy}>Save</button>
        <span role="status" class="small">{saved}</span>
      </div>
    </form>
  );
}

export function SettingsPage(): JSX.Element {
  const settings = useResource<Settings>('/settings');
  return <section class="card" aria-label="Settings"><Panel of={settings} height={520}>{(data) => <Form settings={data} />}</Panel></section>;
}
