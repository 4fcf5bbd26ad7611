// A change that somebody asked for: under way, refused with what to do, or done and said so.

import { useState } from 'preact/hooks';
import { say } from '../ui/notice.js';
import { ApiError } from './client.js';

export interface Action {
  readonly pending: boolean;
  readonly error: ApiError | undefined;
  /** Resolves to whether it was done; what was refused is in `error`. */
  run(work: () => Promise<unknown>, done?: string): Promise<boolean>;
  forget(): void;
}

export function useAction(): Action {
  const [pending, setPending] = useState(false);
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const run = async (work: () => Promise<unknown>, done?: string): Promise<boolean> => {
    setPending(true);
    setError(undefined);
    try {
      await work();
      if (done !== undefined) say(done);
      return true;
    } catch (problem) {
      if (!(problem instanceof ApiError)) throw problem;
      setError(problem);
      return false;
    } finally {
      setPending(false);
    }
  };
  return { pending, error, run, forget: () => setError(undefined) };
}
