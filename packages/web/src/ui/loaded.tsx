// What stands where data will be: nothing yet, the data, or why there is none and what to do.

import type { ComponentChildren } from 'preact';
import type { ApiError } from '../api/client.js';
import type { Query } from '../api/use-query.js';

export interface LoadedProps<T> {
  readonly query: Query<T>;
  readonly children: (data: T) => ComponentChildren;
}

export function Loaded<T>({ query, children }: LoadedProps<T>) {
  const { data, error, loading } = query;
  if (data === undefined) {
    if (error !== undefined) return <Problem error={error} retry={query.reload} />;
    return (
      <div class="loading" role="status" aria-label="Loading">
        <span />
        <span />
        <span />
      </div>
    );
  }
  return (
    <div class={loading ? 'loaded stale' : 'loaded'} aria-busy={loading}>
      {error !== undefined && <Problem error={error} retry={query.reload} known />}
      {children(data)}
    </div>
  );
}

export interface ProblemProps {
  readonly error: ApiError;
  readonly retry?: () => void;
  /** Older data is still shown below. */
  readonly known?: boolean;
}

export function Problem({ error, retry, known = false }: ProblemProps) {
  return (
    <div class="problem" role="alert">
      <p>
        <strong>{sentence(error.message)}</strong> {error.advice}
        {known && ' What is shown below is from before.'}
      </p>
      {retry !== undefined && (
        <button type="button" class="small" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

function sentence(text: string): string {
  const upper = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(upper) ? upper : `${upper}.`;
}

export function Empty({
  title,
  children,
}: {
  readonly title: string;
  readonly children?: ComponentChildren;
}) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children !== undefined && <div class="muted">{children}</div>}
    </div>
  );
}
