// Lists that come a page at a time. How many pages were asked for is kept with the list, so that going back finds them.
import { useReducer } from 'preact/hooks';
import { get, Problem, useResource, type Resource } from './api';
import type { Page } from './types';

interface Kept<T> {
  first: Page<T>;
  more: T[];
  cursor: string | null;
}

export interface Pages<T> extends Resource<T[]> {
  hasMore: boolean;
  loadingMore: boolean;
  moreProblem: Problem | null;
  loadMore: () => void;
}

const LISTS_MAX = 20;
const kept = new Map<string, Kept<unknown>>();
const loading = new Set<string>();
const problems = new Map<string, Problem>();

export function usePages<T>(path: string | null): Pages<T> {
  const first = useResource<Page<T>>(path);
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  let list = path === null ? undefined : (kept.get(path) as Kept<T> | undefined);
  // A first page that came anew begins the list anew.
  if (path !== null && first.data && !first.old && list?.first !== first.data) {
    list = { first: first.data, more: [], cursor: first.data.next_cursor };
    kept.delete(path);
    kept.set(path, list as Kept<unknown>);
    if (kept.size > LISTS_MAX) kept.delete(kept.keys().next().value!);
  }
  const loadMore = (): void => {
    if (path === null || !list?.cursor || loading.has(path)) return;
    const from = list;
    loading.add(path);
    problems.delete(path);
    redraw(0 as never);
    get<Page<T>>(`${path}${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(from.cursor!)}`)
      .then((page) => {
        from.more = [...from.more, ...page.data];
        from.cursor = page.next_cursor;
      })
      .catch((problem: Problem) => problems.set(path, problem))
      .finally(() => {
        loading.delete(path);
        redraw(0 as never);
      });
  };
  return {
    ...first,
    data: first.data ? (list && !first.old ? [...list.first.data, ...list.more] : first.data.data) : undefined,
    hasMore: list?.cursor != null && !first.old,
    loadingMore: path !== null && loading.has(path),
    moreProblem: path === null ? null : problems.get(path) ?? null,
    loadMore,
  };
}
