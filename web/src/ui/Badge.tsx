// How engaged a candidate is: sign, word, number and fill, so that colour is never all that tells.
import type { JSX } from 'preact';
import type { Candidate, Engagement } from '../types';
import { Icon } from './Icon';

const words: Record<Engagement, string> = { hot: 'Hot', warm: 'Warm', cold: 'Cold', unknown: 'No score yet' };
const signs: Record<Engagement, string> = { hot: 'flame', warm: 'thermometer', cold: 'snowflake', unknown: '' };
export const MEANING: Record<Engagement, string> = {
  hot: '75 to 100: highly engaged, prioritise follow-up',
  warm: '40 to 74: moderately engaged',
  cold: '0 to 39: low engagement, may need a different approach',
  unknown: 'No email in 90 days that could be measured',
};

export const isUntracked = (candidate: Candidate): boolean => candidate.tracking === 'none' || candidate.tracking === 'aggregate';

export function Badge({ candidate, long = false }: { candidate: Candidate; long?: boolean }): JSX.Element {
  if (isUntracked(candidate)) return <span class="badge unknown" title="This person does not allow opens and clicks to be recorded">Not tracked</span>;
  const level = candidate.engagement_level ?? 'unknown';
  const score = candidate.engagement_score;
  return (
    <span class={`badge ${level}`} title={MEANING[level]}>
      {signs[level] && <Icon name={signs[level]} size={14} />}
      {words[level]}
      {score != null && (long ? ` (score ${score})` : ` ${score}`)}
    </span>
  );
}

export function Meter({ score, level }: { score: number; level: Engagement }): JSX.Element {
  return (
    <div>
      <div class={`meter ${level}`} role="meter" aria-label="Engagement score" aria-valuemin={0} aria-valuemax={100} aria-valuenow={score} aria-valuetext={`${score} of 100, ${words[level]}`}>
        <i style={{ width: `${score}%` }} />
        <b style={{ left: '40%' }} />
        <b style={{ left: '75%' }} />
      </div>
      <div class="scale" aria-hidden="true">
        <span style={{ left: '40%' }}>40 warm</span>
        <span style={{ left: '75%' }}>75 hot</span>
      </div>
    </div>
  );
}
