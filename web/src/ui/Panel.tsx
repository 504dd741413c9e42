// The one wrapper of everything that comes from the API: it decides between loading, error, empty, old and shown, so that
// no screen can forget a state.
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useErrorBoundary, useState } from 'preact/hooks';
import { Problem, type Resource } from '../api';
import { Small } from './Small';

const SKELETON_AFTER_MS = 150;

export function ProblemState({ problem, retry }: { problem: Problem; retry?: () => void }): JSX.Element {
  const { status, title, detail, requestId, retryAfter } = problem;
  const words =
    status === 403 ? 'You may not see this. An administrator of your organization can give you the right.'
    : status === 404 ? 'There is nothing here, or it is not yours to see.'
    : status === 429 ? `Too many requests${retryAfter ? `; try again in ${retryAfter} seconds` : '; try again in a minute'}.`
    : detail;
  return (
    <div class="state" role="alert">
      <strong>{status === 404 ? 'Not found' : status === 403 ? 'Not allowed' : title}</strong>
      <p>{words}</p>
      {requestId && status >= 500 && <p class="small muted">Request {requestId}</p>}
      <div class="row">
        {retry && status !== 403 && status !== 404 && <Small onClick={retry}>Retry</Small>}
        {(status === 404 || status === 403) && <a href="/dashboard">Back to the dashboard</a>}
      </div>
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }): JSX.Element {
  return (
    <div class="state">
      <strong>{title}</strong>
      {children}
    </div>
  );
}

// Nothing is drawn for a moment, then a grey area of the height that the content will have.
export function Skeleton({ height }: { height: number }): JSX.Element {
  const [late, setLate] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLate(true), SKELETON_AFTER_MS);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div style={{ minHeight: `${height}px` }} aria-busy="true">
      {late && <div class="skeleton" style={{ height: `${Math.max(16, height - 16)}px`, margin: '8px 16px' }}><span class="hidden-text">Loading</span></div>}
    </div>
  );
}

interface PanelProps<T> {
  of: Resource<T>;
  height: number; // of the content, so that nothing jumps
  children: (data: T) => ComponentChildren;
}

// Draws in a component of its own, so that what fails in drawing stays within the panel.
function Content<T>({ data, children }: { data: T; children: (data: T) => ComponentChildren }): JSX.Element {
  return <>{children(data)}</>;
}

export function Panel<T>({ of, height, children }: PanelProps<T>): JSX.Element {
  const [broken, again] = useErrorBoundary((error) => console.error(error));
  if (broken) return <ProblemState problem={new Problem(0, 'This part cannot be shown', 'The answer of the service is not as expected. Load the page again; if it stays so, tell your administrator.')} retry={() => { again(); of.reload(); }} />;
  if (of.problem && (of.data === undefined || of.old)) return <div style={{ minHeight: `${height}px`, display: 'grid' }}><ProblemState problem={of.problem} retry={of.reload} /></div>;
  if (of.data === undefined) return <Skeleton height={height} />;
  return (
    <div class={of.old ? 'dim' : 'fade'} aria-busy={of.old} style={{ minHeight: `${height}px` }}>
      {of.problem && <p class="notice bad small" role="alert">Not up to date: {of.problem.detail} <button type="button" class="link" onClick={of.reload}>Retry</button></p>}
      <Content data={of.data}>{children}</Content>
    </div>
  );
}
