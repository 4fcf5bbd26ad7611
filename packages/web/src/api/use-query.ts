// Data of the server for a component: shown at once when it was seen before, asked for again when something changed.

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiError, ask, onChange } from './client.js';
import { onTopic, type Topic } from './live.js';

export interface Query<T> {
  readonly data: T | undefined;
  readonly error: ApiError | undefined;
  /** A request is under way. */
  readonly loading: boolean;
  reload(): void;
}

const KEPT = 60;
const RETRY_MS = 10_000;
const seen = new Map<string, unknown>();

function keep(path: string, value: unknown): void {
  seen.delete(path);
  seen.set(path, value);
  const oldest = seen.keys().next().value;
  if (seen.size > KEPT && oldest !== undefined) seen.delete(oldest);
}

/** Another user must not see what the last one saw. */
export function forgetAnswers(): void {
  seen.clear();
}

/** `path` behind /api/v1, or null for nothing; asked again on events of `topics` and after every change made here. */
export function useQuery<T>(path: string | null, topics: readonly Topic[] = []): Query<T> {
  const [, redraw] = useState(0);
  const state = useRef<{
    path: string | null;
    data: T | undefined;
    error: ApiError | undefined;
    loading: boolean;
  }>({
    path: null,
    data: undefined,
    error: undefined,
    loading: false,
  });
  if (state.current.path !== path) {
    // The rows of the page before stay until the new ones are there only when it is the same list.
    const same = path !== null && state.current.path?.split('?')[0] === path.split('?')[0];
    const known = path === null ? undefined : (seen.get(path) as T | undefined);
    state.current = {
      path,
      data: known ?? (same ? state.current.data : undefined),
      error: undefined,
      loading: path !== null,
    };
  }
  const controller = useRef<AbortController | undefined>(undefined);
  const load = useCallback(async () => {
    if (path === null) return;
    controller.current?.abort();
    const own = new AbortController();
    controller.current = own;
    try {
      const data = await ask<T>('GET', path, undefined, own.signal);
      if (own.signal.aborted) return;
      keep(path, data);
      state.current = { path, data, error: undefined, loading: false };
    } catch (error) {
      if (own.signal.aborted || !(error instanceof ApiError)) return;
      state.current = { ...state.current, error, loading: false };
      if (error.code === 'unreachable' || error.code === 'server-busy')
        window.setTimeout(() => own.signal.aborted || void load(), RETRY_MS);
    }
    redraw((count) => count + 1);
  }, [path]);
  const wanted = topics.join(' ');
  useEffect(() => {
    void load();
    const stopTopic = onTopic((topic) => wanted.split(' ').includes(topic) && void load());
    const stopChange = onChange(() => void load());
    return () => {
      stopTopic();
      stopChange();
      controller.current?.abort();
    };
  }, [load, wanted]);
  const { data, error, loading } = state.current;
  return { data, error, loading, reload: () => void load() };
}
