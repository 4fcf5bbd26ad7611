// What the workers of the factory (packages/factory) need of the service.

export type { ArtefactStore } from '../artefact/artefact-store.js';
export { openArtefactStore } from '../artefact/open-store.js';
export { type Orm, selectRows } from '../database/database.js';
export { openDatabase } from '../database/open-database.js';
export { isPassing } from '../database/passing-error.js';
export { artefactName, type FactoryArtefact, hashOf, keepArtefact, readArtefact } from './artefact-name.js';
export {
  addTest,
  CANDIDATES_PER_BOOT,
  type CandidateRecord,
  kernelSpec,
  lockCandidate,
  moveCandidate,
} from './candidate-change.js';
export {
  addJob,
  appendLog,
  claimJob,
  completeJob,
  failJob,
  type HeldJob,
  JobLostError,
  LEASE_SECONDS,
  listLost,
  renewJob,
  returnJob,
} from './job-queue.js';
export { type KernelName, ofKernel } from './of-kernel.js';
export {
  addDueWatches,
  addRelease,
  addUnits,
  describePair,
  describeRange,
  listFleetKernels,
  type SplitUnit,
  type TargetKernel,
} from './release-change.js';
export { NOTHING_MADE, openReview } from './review.js';
export {
  factoryCandidates,
  factoryCumulatives,
  factoryReleases,
  factoryTests,
  factoryUnits,
  factoryWatches,
} from './tables.js';
export {
  announceWorker,
  countJob,
  dismissWorker,
  seeWorker,
  type WorkerIdentity,
} from './worker-record.js';
