// One job from its claim to its end: the lease is renewed while the handler works, and lost with it the right to record anything. A database
// that is away for some minutes interrupts nothing: the result is kept and recorded when it is back, if nobody else has the job by then.

import { InputError, RespliceError, UsageError } from '@resplice/report';
import {
  appendLog,
  completeJob,
  countJob,
  failJob,
  type HeldJob,
  JobLostError,
  type Orm,
  renewJob,
  returnJob,
} from '@resplice/server/factory';
import type { JobContext, JobHandlers } from './job-context.js';
import { JobLog } from './job-log.js';
import { persist } from './persist.js';
import type { ProcessorMeter } from './processor-meter.js';

/** So many times within a lease: one renewal that fails loses nothing. */
const RENEWALS = 6;

export type Surroundings = Omit<JobContext, 'job' | 'progress' | 'signal' | 'note'> & {
  readonly name: string;
  readonly leaseSeconds: number;
  readonly meter: ProcessorMeter;
};

/** Never rejects. `signal` ends the work and gives the job back. */
export async function runJob(
  job: HeldJob,
  handlers: JobHandlers,
  around: Surroundings,
  signal: AbortSignal,
): Promise<void> {
  const { orm, who, name, leaseSeconds, meter } = around;
  const lost = new AbortController();
  const log = new JobLog((text) => appendLog(orm, job, text));
  const renewal = setInterval(
    () => {
      renewJob(orm, job, log.stage, leaseSeconds).then(
        (isHeld) => {
          if (!isHeld) lost.abort(new JobLostError('the job was cancelled, or another worker has it'));
        },
        // The database is away; the lease lasts longer than some attempts.
        () => {},
      );
    },
    (leaseSeconds * 1000) / RENEWALS,
  );
  const context: JobContext = {
    ...around,
    job,
    progress: (event) => log.follow(event),
    note: (line) => log.note(line),
    signal: AbortSignal.any([signal, lost.signal]),
  };
  log.note(`${name} begins, attempt ${job.attempt} of ${job.attempts}`);
  const handler = handlers[job.kind];
  const used = meter.begin();
  try {
    const record = await handler.work(context);
    const processorMilliseconds = used();
    await persist(() => completeJob(orm, job, record, processorMilliseconds), signal);
    log.note('done');
    await countJob(orm, name, 'done').catch(() => {});
  } catch (error) {
    if (signal.aborted) await returnJob(orm, job).catch(() => {});
    else if (!lost.signal.aborted && !(error instanceof JobLostError)) {
      const problem = describe(error);
      log.note(`failed: ${problem}`);
      const isFinal = error instanceof InputError || error instanceof UsageError;
      const giveUp = (transaction: Orm) => handler.giveUp(transaction, job, problem, who);
      await persist(() => failJob(orm, job, { problem, isFinal }, giveUp), signal).catch(() => {});
      await countJob(orm, name, 'failed').catch(() => {});
    }
  } finally {
    used();
    clearInterval(renewal);
    await log.close();
  }
}

function describe(error: unknown): string {
  if (error instanceof RespliceError) return `${error.message} [${error.code}]`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
