// Long work tells what it is doing through one callback; the command line draws it, prints it or writes it as JSON.

export interface ProgressEvent {
  /** A stable kebab-case name of the stage, for example `fetch-image`. */
  readonly stage: string;
  readonly state: 'start' | 'update' | 'done' | 'failed';
  /** A short text for people, for example the file at hand. */
  readonly detail?: string;
  readonly done?: number;
  readonly total?: number;
  readonly unit?: 'bytes' | 'objects' | 'files' | 'tasks';
}

export type ProgressSink = (event: ProgressEvent) => void;

export const silentProgress: ProgressSink = () => {};

/** Runs `work` as one stage: start before, done after, failed when it throws. */
export async function withStage<T>(
  progress: ProgressSink,
  stage: string,
  detail: string,
  work: () => Promise<T>,
): Promise<T> {
  progress({ stage, state: 'start', detail });
  try {
    const value = await work();
    progress({ stage, state: 'done', detail });
    return value;
  } catch (error) {
    progress({ stage, state: 'failed', detail });
    throw error;
  }
}
