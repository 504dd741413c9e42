// The filters that reports and lists share. Choosing pushes a step of history; every choice stands in the address.
import type { ComponentChildren, JSX } from 'preact';
import { useResource } from '../api';
import { addDays, nameOf, reportZone, today } from '../format';
import { useKeys } from '../keys';
import { moved, RANGES, spanOf, type Period } from '../period';
import { setQuery } from '../router';
import { me } from '../state';
import type { Group, Report } from '../types';
import { Input, Select } from './Field';
import { Icon } from './Icon';

const LEAST = '2000-01-01';

export function DateRange({ period, standard = '30d' }: { period: Period; standard?: '30d' | 'all' }): JSX.Element {
  const span = spanOf(period);
  const all = period.range === 'all';
  const options = RANGES.map(([key, words]): [string, string] => [key, words]);
  const choose = (range: string): void => {
    if (range === 'custom') setQuery({ range, from: span.from, to: span.to });
    else setQuery({ range: range === standard ? '' : range, from: '', to: '' });
  };
  const step = (direction: -1 | 1): void => {
    const to = all ? null : moved(span, direction);
    if (to) setQuery({ range: 'custom', ...to });
  };
  const edge = (name: 'from' | 'to', value: string): void => {
    if (!value || value < LEAST || value > '2100') return;
    const next = { from: span.from, to: span.to, [name]: value };
    if (next.from > next.to) next[name === 'from' ? 'to' : 'from'] = value;
    setQuery({ range: 'custom', ...next });
  };
  useKeys({ '[': () => step(-1), ']': () => step(1) });
  return (
    <div class="range">
      <Select label="Date range" value={period.range} options={[...(standard === 'all' ? [['all', 'All time'] as [string, string]] : []), ...options, ['custom', 'Custom days']]} onChange={choose} />
      {period.range === 'custom' && (
        <>
          <Input label="First day" type="date" value={span.from} max={today()} onChange={(event) => edge('from', event.currentTarget.value)} />
          <Input label="Last day" type="date" value={span.to} max={addDays(today(), 0)} onChange={(event) => edge('to', event.currentTarget.value)} />
        </>
      )}
      {!all && (
        <div class="group">
          <button type="button" class="button icon" aria-label="Period before" title="Period before" onClick={() => step(-1)}><Icon name="left" /></button>
          <button type="button" class="button icon" aria-label="Period after" title="Period after" disabled={moved(span, 1) === null} onClick={() => step(1)}><Icon name="right" /></button>
        </div>
      )}
    </div>
  );
}

// `kind`: jobs, templates or campaigns of the period; a chosen one that is not among them stays choosable.
export function GroupFilter({ span, ...rest }: GroupChoice & { kind: 'jobs' | 'templates' | 'campaigns'; span: string }): JSX.Element {
  const groups = useResource<Report<Group>>(`/engagement/${rest.kind}${span ? `${span}&` : '?'}limit=200`);
  return <GroupSelect {...rest} groups={groups.data?.data} />;
}

interface GroupChoice {
  name: string;
  label: string;
  all: string;
  value: string;
}

export function GroupSelect({ name, label, all, value, groups = [] }: GroupChoice & { groups: Pick<Group, 'id' | 'name' | 'title'>[] | undefined }): JSX.Element {
  const options = groups.filter(({ id }) => id !== null).map((group): [string, string] => [group.id!, nameOf(group)]);
  options.sort(([, a], [, b]) => a.localeCompare(b, 'en'));
  if (value && !options.some(([id]) => id === value)) options.push([value, value]);
  return <Select label={label} value={value} options={[['', all], ...options]} onChange={(id) => setQuery({ [name]: id })} />;
}

export const ZoneNote = (): JSX.Element | null => me.value && <span class="small muted">Days in {reportZone.value.replaceAll('_', ' ')}</span>;

export const Filters = ({ children }: { children: ComponentChildren }): JSX.Element => <div class="filters">{children}</div>;
