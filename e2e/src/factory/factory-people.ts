// The factory as people and a CI system use it, through the API of a running server: they ask for a release, wait, push code, approve, publish.

import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type {
  CandidateDetail,
  CandidatePage,
  CandidateRow,
  CandidateState,
  Cumulative,
  Release,
} from '@resplice/protocol/factory';

const POLL_MS = 2000;
/** Workers have something to do for these. */
export const ON_ITS_WAY: readonly CandidateState[] = ['new', 'converting', 'automatic', 'testing', 'tested'];

/** Asks as somebody; rejects unless it succeeds. */
export type Ask = (method: string, path: string, body?: unknown) => Promise<unknown>;

export class FactoryPeople {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** For this kernel. */
  async upload(title: string, kernel: string, files: readonly string[]): Promise<string> {
    const patches = await Promise.all(
      files.map(async (file) => ({ name: basename(file), text: await readFile(file, 'utf8') })),
    );
    const body = { title, kernels: [kernel], patches };
    return ((await this.#ask('POST', '/api/v1/factory/releases', body)) as { id: string }).id;
  }

  /** From now on; the first look is at once. */
  async watch(body: unknown): Promise<void> {
    await this.#ask('POST', '/api/v1/factory/watches', body);
  }

  /** The first release, once a watch has found it. */
  async noticed(seconds: number): Promise<Release> {
    return this.#until(seconds, async () => {
      const { releases } = (await this.#ask('GET', '/api/v1/factory/releases')) as { releases: Release[] };
      return releases[0];
    });
  }

  async release(id: string): Promise<Release> {
    return (await this.#ask('GET', `/api/v1/factory/releases/${id}`)) as Release;
  }

  async candidates(release: string): Promise<readonly CandidateRow[]> {
    const path = `/api/v1/factory/candidates?release=${release}&limit=500`;
    return ((await this.#ask('GET', path)) as CandidatePage).candidates;
  }

  async show(id: string): Promise<CandidateDetail> {
    return (await this.#ask('GET', `/api/v1/factory/candidates/${id}`)) as CandidateDetail;
  }

  /** Until workers have nothing more to do for any candidate of the release. A server that is away for a while is asked again. */
  async settle(id: string, seconds: number): Promise<readonly CandidateRow[]> {
    return this.#until(seconds, async () => {
      const { state, problem, settledAt } = await this.release(id);
      if (state === 'failed') throw new Error(`the release failed: ${problem}`);
      const candidates = await this.candidates(id);
      const isBusy = settledAt === null || candidates.some((each) => ON_ITS_WAY.includes(each.state));
      const isDone = state === 'ready' && !isBusy;
      return isDone ? candidates : undefined;
    });
  }

  async pushCode(id: string, file: string): Promise<void> {
    const patch = await readFile(file, 'utf8');
    await this.#ask('PUT', `/api/v1/factory/candidates/${id}/custom-code`, { patch });
  }

  /** The unit is tested again, with it. */
  async pushProbe(id: string, script: string): Promise<void> {
    await this.#ask('PUT', `/api/v1/factory/candidates/${id}/probe`, { script });
  }

  /** What is to be seen now, as this person. */
  async approve(id: string, as: Ask = this.#ask): Promise<void> {
    const { reviewSha256: sha256 } = await this.show(id);
    await as('POST', `/api/v1/factory/candidates/${id}/approve`, { sha256, words: 'looked at' });
  }

  async withdraw(id: string): Promise<void> {
    await this.#ask('POST', `/api/v1/factory/candidates/${id}/withdraw`, { words: 'the test takes it back' });
  }

  /** The next cumulative update, once it is published. */
  async publish(number: number, seconds: number): Promise<Cumulative> {
    await this.#ask('POST', '/api/v1/factory/publish', {});
    return this.#until(seconds, async () => {
      const answer = (await this.#ask('GET', '/api/v1/factory/cumulatives')) as { cumulatives: Cumulative[] };
      const found = answer.cumulatives.find((each) => each.number === number);
      if (found?.state === 'failed') throw new Error(`the cumulative update failed: ${found.problem}`);
      return found?.state === 'published' ? found : undefined;
    });
  }

  async #until<T>(seconds: number, look: () => Promise<T | undefined>): Promise<T> {
    const end = Date.now() + seconds * 1000;
    for (;;) {
      const found = await look().catch((error: unknown) => {
        // Killed, and not up again yet.
        if (error instanceof TypeError || (error instanceof Error && / 50[03] /.test(error.message)))
          return undefined;
        throw error;
      });
      if (found !== undefined) return found;
      if (Date.now() > end) throw new Error(`not within ${seconds} s: ${await this.#describe()}`);
      await wait(POLL_MS);
    }
  }

  async #describe(): Promise<string> {
    const { candidates } = (await this.#ask('GET', '/api/v1/factory/candidates?limit=500')) as CandidatePage;
    const jobs = await this.#ask('GET', '/api/v1/factory/jobs?limit=20');
    return `${candidates.map(({ unit, state }) => `${unit} ${state}`).join(', ')}\n${JSON.stringify(jobs)}`;
  }
}
