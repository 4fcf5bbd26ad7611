// A worker in a process of its own, to be killed. Splitting, making and testing are played, so that a run takes seconds; queue, leases,
// transactions, artefacts and states are the real ones. Each update that is made is a line in a file, so that the test sees what was made twice.

import { appendFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import {
  addUnits,
  factoryReleases,
  factoryTests,
  hashOf,
  keepArtefact,
  lockCandidate,
  moveCandidate,
  openArtefactStore,
  openDatabase,
  openReview,
  readArtefact,
} from '@resplice/server/factory';
import { eq } from 'drizzle-orm';
import type { JobContext, JobHandler, JobHandlers } from '../../src/job-context.js';
import { persist } from '../../src/persist.js';
import { startFactory } from '../../src/start-factory.js';
import { beginTests } from '../../src/work/test.js';

const [folder = '', url = '', made = '', units = '0'] = process.argv.slice(2);
const giveUp = async (): Promise<void> => {};
const nothing: JobHandler = { work: async () => async () => {}, giveUp };
const pause = ({ signal }: JobContext) => wait(50 + Math.random() * 250, undefined, { signal });

const split: JobHandler = {
  async work(context) {
    const { orm, job, who } = context;
    const [release] = await orm.select().from(factoryReleases).where(eq(factoryReleases.id, job.target));
    await pause(context);
    return async (transaction) => {
      if (release === undefined) return;
      const all = Array.from({ length: Number(units) }, (_, index) => ({
        ...{ name: `unit-${index}`, files: [], subjects: [], cves: [], joined: [] },
        sha256: hashOf(`unit-${index}`),
      }));
      await addUnits(transaction, release, all, [{ release: '6.1.0-47-amd64', version: '6.1.170-3' }], who);
      await transaction
        .update(factoryReleases)
        .set({ state: 'ready' })
        .where(eq(factoryReleases.id, release.id));
    };
  },
  giveUp,
};

const convert: JobHandler = {
  async work(context) {
    const { orm, artefacts, job, who } = context;
    await orm.transaction(async (transaction) => {
      const candidate = await lockCandidate(transaction, job.target);
      await moveCandidate(transaction, candidate, { event: 'begin-conversion', who });
    });
    const question = hashOf(`question ${job.target}`);
    let sha256 = (await readArtefact(artefacts, job.organisationId, 'result', question))?.toString();
    if (sha256 === undefined) {
      await pause(context);
      await appendFile(made, `${job.target}\n`);
      sha256 = await keepArtefact(artefacts, job.organisationId, 'update', `update of ${job.target}`);
      await artefacts.put(`${job.organisationId}/factory/result/${question}.json`, Buffer.from(sha256));
    }
    const updateSha256 = sha256;
    return async (transaction) => {
      const candidate = await lockCandidate(transaction, job.target);
      await moveCandidate(transaction, candidate, { event: 'found-automatic', who, set: { updateSha256 } });
    };
  },
  giveUp,
};

const test: JobHandler = {
  async work(context) {
    const { artefacts, who } = context;
    const begun = await beginTests(context);
    await pause(context);
    return async (transaction) => {
      for (const { id, updateSha256 } of begun) {
        const candidate = await lockCandidate(transaction, id);
        await transaction.insert(factoryTests).values({
          ...{ candidateId: id, ok: true, beside: [], probe: [], log: 'log' },
          updateSha256: updateSha256 ?? '',
        });
        const passed = await moveCandidate(transaction, candidate, { event: 'passed', who });
        await openReview(transaction, artefacts, passed, who);
      }
    };
  },
  giveUp,
};

const handlers: JobHandlers = { watch: nothing, split, convert, join: nothing, test, publish: nothing };
// It may be started while PostgreSQL is not up again yet, as by a supervisor that starts both.
const database = await persist(
  () => openDatabase({ url, folder, connections: 8 }),
  new AbortController().signal,
);
await startFactory({
  orm: database.orm,
  artefacts: openArtefactStore({ folder }),
  ...{ bundle: '', slots: 2, handlers, pollMs: 100, leaseSeconds: 3 },
  log: () => {},
});
process.send?.('ready');
