// <inkling-score>: how engaged a candidate is, why, and that it is a hint and no more.
import type { Candidate } from '../types';
import { make, type Child } from './dom';
import { InklingElement, type Subject } from './element';

export class ScoreElement extends InklingElement {
  protected path({ candidate }: Subject): string | null {
    return candidate ? `/candidates/${encodeURIComponent(candidate)}` : null;
  }

  protected label(data: unknown): string {
    return this.vocabulary.score((data as Candidate).name ?? '');
  }

  protected missing(): string {
    return this.vocabulary.nobody;
  }

  protected draw(data: unknown): Child[] {
    const words = this.vocabulary;
    const { tracking, engagement_level: level, engagement_score: score, explanation = [] } = data as Candidate;
    if (tracking === 'none' || tracking === 'aggregate')
      return [make('div', { part: 'head' }, make('strong', { part: 'badge unknown' }, words.notTracked)), make('p', { part: 'text' }, words.notTrackedWhy)];
    if (!level) return [make('p', { part: 'text' }, words.noScores)];
    const children: Child[] = [make('div', { part: 'head' }, make('strong', { part: `badge ${level}` }, words[level]), score != null && make('span', { part: 'value' }, words.outOf(score)))];
    if (score != null) {
      const fill = make('div', { part: `fill ${level}` });
      fill.style.width = `${Math.min(Math.max(score, 0), 100)}%`;
      children.push(make('div', { part: 'meter', role: 'meter', 'aria-label': words.meter, 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': score, 'aria-valuetext': `${words.outOf(score)}, ${words[level]}` }, fill));
    }
    const reasons = score == null ? explanation.filter(({ part }) => part === null) : explanation;
    if (reasons.length > 0) children.push(make('ul', { part: 'reasons' }, ...reasons.map((entry) => make('li', { part: 'reason' }, words.reason?.(entry) ?? entry.text))));
    children.push(make('p', { part: 'hint' }, words.hint));
    return children;
  }
}
