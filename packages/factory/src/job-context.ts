// What the handler of a job is given. A handler does the work, and returns what is to be recorded; the worker records it in the transaction
// that ends the job, so a result and its job are never told apart by a kill.

import type { Workshop } from '@resplice/build';
import type { FactoryJobKind } from '@resplice/protocol/factory';
import type { ProgressSink } from '@resplice/report';
import type { ArtefactStore, HeldJob, Orm } from '@resplice/server/factory';
import type { Publisher } from './publisher.js';

export interface JobContext {
  readonly job: HeldJob;
  readonly orm: Orm;
  readonly artefacts: ArtefactStore;
  /** As it stands in histories: `worker NAME`. */
  readonly who: string;
  readonly progress: ProgressSink;
  readonly signal: AbortSignal;
  /** Adds a line to the job's log. */
  readonly note: (line: string) => void;
  /** The command in one file, for guests. */
  readonly bundle: string;
  /** The kernel, ready to compile for; kept by the worker, since the next job is mostly for the same one. */
  readonly openWorkshop: (kernel: string) => Promise<Workshop>;
  /** Which build of this program works: another one may answer otherwise. */
  readonly program: string;
  /** Undefined on a worker without a repository. */
  readonly publisher: Publisher | undefined;
}

export type Recorder = (transaction: Orm) => Promise<void>;

export interface JobHandler {
  readonly work: (context: JobContext) => Promise<Recorder>;
  /** After the last attempt, in the transaction that ends the job. */
  readonly giveUp: (transaction: Orm, job: HeldJob, problem: string, who: string) => Promise<void>;
}

export type JobHandlers = Readonly<Record<FactoryJobKind, JobHandler>>;
