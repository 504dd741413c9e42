import type { JSX } from 'preact';
import { ago, minute, momentText, shortMoment, clockText, NOTHING } from '../format';

// A moment: relative, short or as the clock shows it, with the full stamp behind it.
export function Time({ at, as = 'ago' }: { at: string | null | undefined; as?: 'ago' | 'short' | 'clock' }): JSX.Element {
  if (!at) return <span class="muted">{NOTHING}</span>;
  void minute.value;
  return <time dateTime={at} title={momentText(at)}>{as === 'ago' ? ago(at) : as === 'short' ? shortMoment(at) : clockText(at)}</time>;
}
