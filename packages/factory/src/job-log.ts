// The log of a job while it runs: lines are gathered and written every second, so people can watch, and a database that is away for a while
// costs neither the job nor the log.

import type { ProgressEvent } from '@resplice/report';

/** Of one job; a compiler that prints without end must not fill the database. */
const LONGEST = 256 * 1024;
const FLUSH_MS = 1000;

export class JobLog {
  #pending = '';
  #length = 0;
  #stage: { stage: string; percent: number | null } | undefined;
  #writing: Promise<void> = Promise.resolve();
  readonly #timer: NodeJS.Timeout;

  /** @param write rejects when the database cannot be reached; what it was given is then written with what follows */
  constructor(
    private readonly write: (text: string) => Promise<void>,
    private readonly now: () => Date = () => new Date(),
  ) {
    this.#timer = setInterval(() => this.flush(), FLUSH_MS);
  }

  /** The stage at hand, for the list of jobs. */
  get stage(): { readonly stage: string; readonly percent: number | null } | undefined {
    return this.#stage;
  }

  note(line: string): void {
    if (this.#length > LONGEST) return;
    const text = `${this.now().toISOString().slice(11, 19)} ${line}\n`;
    this.#length += text.length;
    this.#pending += this.#length > LONGEST ? `${text}the log ends here, it is too long\n` : text;
  }

  /** Starts and ends of stages are lines; what happens between only moves the figures. */
  follow({ stage, state, detail = '', done, total }: ProgressEvent): void {
    const percent = done === undefined || !total ? null : Math.floor((100 * done) / total);
    this.#stage = { stage, percent };
    if (state === 'update') return;
    this.note(`${stage}${detail === '' ? '' : ` ${detail}`}${state === 'start' ? ' …' : `: ${state}`}`);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  flush(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const text = this.#pending;
      if (text === '') return;
      this.#pending = '';
      try {
        await this.write(text);
      } catch {
        // The database is away: it is written with the next lines, or with the last ones.
        this.#pending = text + this.#pending;
      }
    });
    return this.#writing;
  }
}
