// One figure with what it is a share of, how it changed, and the list behind it.
import type { JSX } from 'preact';
import { count, duration, percent } from '../format';
import { Icon } from './Icon';

export const LOW_VOLUME = 20;

interface DeltaProps {
  change: number | null;
  base: number;
  previousBase: number;
  lessIsGood?: boolean;
  kind?: 'points' | 'number' | 'seconds';
}

export function Delta({ change, base, previousBase, lessIsGood = false, kind = 'points' }: DeltaProps): JSX.Element {
  if (kind === 'points' && base > 0 && base < LOW_VOLUME) return <span class="delta same" title={`Fewer than ${LOW_VOLUME} emails: a change would say little`}>low volume</span>;
  if (previousBase === 0) return base === 0 ? <span class="delta same">no emails</span> : <span class="delta same" title="Nothing was sent in the period before">new</span>;
  if (change === null) return <span class="delta same">no comparison</span>;
  const shown = kind === 'points' ? Math.abs(change).toFixed(1) : kind === 'number' ? count(Math.abs(change)) : duration(change);
  if (kind === 'points' ? shown === '0.0' : kind === 'seconds' ? Math.abs(change) < 30 : change === 0) return <span class="delta same">no change</span>;
  const up = change > 0;
  const tone = kind === 'number' ? 'same' : up !== lessIsGood ? 'good' : 'bad';
  return (
    <span class={`delta ${tone}`}>
      <Icon name={up ? 'up' : 'down'} size={12} />
      <span class="hidden-text">{up ? 'up' : 'down'}</span>
      {shown}{kind === 'points' ? ' pts' : ''}
    </span>
  );
}

interface KpiProps {
  label: string;
  short?: string;
  value: number | null;
  of: string;
  note?: string;
  href: string;
  delta: JSX.Element;
  number?: boolean; // no share
}

export function Kpi({ label, value, of, note, href, delta, number = false }: KpiProps): JSX.Element {
  const shown = number ? count(value) : percent(value);
  return (
    <div class="card kpi">
      <a class="figure" href={href} title={note} aria-label={`${label} ${shown}, ${of}: show the emails`}>{shown}</a>
      <span class="label">{label}</span>
      <span>{delta}</span>
      <span class="of">{of}</span>
    </div>
  );
}
