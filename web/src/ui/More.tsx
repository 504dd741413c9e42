import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { download, type Problem } from '../api';
import type { Pages } from '../pages';
import { Small } from './Small';

// The foot of a list that comes in pages.
export function More<T>({ pages, shown }: { pages: Pages<T>; shown: string }): JSX.Element {
  return (
    <div class="table-foot small">
      <span class="muted" role="status">{shown}</span>
      {pages.moreProblem && <span role="alert">{pages.moreProblem.detail}</span>}
      {pages.hasMore && <Small disabled={pages.loadingMore} onClick={pages.loadMore}>{pages.loadingMore ? 'Loading …' : pages.moreProblem ? 'Try again' : 'Show more'}</Small>}
    </div>
  );
}

export function Csv({ path, name }: { path: string; name: string }): JSX.Element {
  const [problem, setProblem] = useState<string>('');
  const save = (): void => {
    setProblem('');
    download(path, name).catch((failure: Problem) => setProblem(failure.detail));
  };
  return (
    <>
      <span role="alert" class="small">{problem}</span>
      <Small onClick={save}>Export CSV</Small>
    </>
  );
}
