// What the dashboard asks for: one request, which also tells who is signed in, so that it can go out before anything is known.
// The service preloads the very same address (src/api/pages.c).
import { Problem, query, type Resource } from './api';
import { periodParameters } from './period';
import { choice, path, readQuery, text } from './router';
import type { Dashboard, DashboardParts } from './types';

export const parameters = {
  ...periodParameters('30d'),
  job: text(),
  view: choice('rates', 'counts'),
  cmp: choice('', '1'),
  table: choice('', '1'),
  auto: choice('', '1'),
  sort: choice('sent', 'name', 'opened', 'clicked', 'rate'),
  dir: choice('', 'up', 'down'),
};

export const onDashboard = (): boolean => /^\/(dashboard)?$/.test(path.value);

export function dashboardPath({ range, from, to, job, cmp } = readQuery(parameters)): string {
  const days = range === 'custom' ? (from !== '' && to !== '' && from <= to ? { from, to } : {}) : { range: range === '30d' ? '' : range };
  return `/engagement/dashboard${query({ ...days, job, compare: cmp })}`;
}

// One part of the answer as a panel takes it: with the problem of its own, if it has one.
export function partOf<K extends keyof DashboardParts>(whole: Resource<Dashboard>, name: K): Resource<DashboardParts[K]> {
  const part = whole.data?.[name];
  if (!part || !('problem' in part)) return { ...whole, data: part as DashboardParts[K] | undefined };
  const { status, title, detail, request_id } = part.problem;
  return { ...whole, data: undefined, problem: whole.problem ?? new Problem(status, title, detail, request_id) };
}
