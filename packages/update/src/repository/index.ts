export {
  type AvailableUpdate,
  type DownloadedUpdate,
  downloadUpdate,
  listAvailableUpdates,
  selectUpdates,
} from './available-update.js';
export { assertTarget } from './check.js';
export { Cumulative, dropReplaced } from './cumulative.js';
export { type MetadataStore, openMetadataStore, overlayMetadataStore } from './metadata-store.js';
export { type MirrorResult, mirrorRepository } from './mirror.js';
export { makeTargets, parseRoot, parseSnapshot, parseTargets, parseTimestamp } from './signed-metadata.js';
export {
  openDirectorySource,
  openHttpFolders,
  openHttpSource,
  PATIENCE,
  type Patience,
  type ReadLimit,
  type RepositorySource,
} from './source.js';
export { type FindFile, locateDelta, TargetDelta } from './target-delta.js';
export {
  downloadTarget,
  type FoundTarget,
  findTarget,
  listRoles,
  listTargets,
  locateTarget,
  type VisitedRole,
} from './target-search.js';
export {
  LIMITS,
  nameFile,
  refreshMetadata,
  type TrustedMetadata,
  type TrustOptions,
  type VerifiedFile,
} from './trusted-metadata.js';
export {
  Brings,
  describeUpdateTarget,
  familyOf,
  familyPattern,
  readUpdateTarget,
  UpdateTargetInfo,
  updatePath,
} from './update-target.js';
