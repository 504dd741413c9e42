// The score of the last 30 days as a small line; its ends are told in words.
import type { JSX } from 'preact';
import { dayText } from '../format';
import { linePath } from './scale';

const WIDTH = 72, HEIGHT = 20;

export function Line({ scores }: { scores: (number | null)[] }): JSX.Element {
  const path = linePath(scores, (index) => 1 + (index * (WIDTH - 2)) / Math.max(1, scores.length - 1), (score) => HEIGHT - 2 - (score / 100) * (HEIGHT - 4));
  return <svg class="spark" aria-hidden="true" viewBox={`0 0 ${WIDTH} ${HEIGHT}`}><path d={path} /></svg>;
}

export function Spark({ points }: { points: { date: string; score: number | null }[] }): JSX.Element | null {
  const known = points.filter(({ score }) => score !== null);
  const first = known[0], last = known.at(-1);
  if (!first || !last || known.length < 3) return null;
  return (
    <p class="row small muted">
      <Line scores={points.map(({ score }) => score)} />
      {first.score === last.score ? `${last.score} since ${dayText(first.date)}` : `from ${first.score} on ${dayText(first.date)} to ${last.score}`}
    </p>
  );
}
