export { type KeyFile, type Passphrases, readKeys } from './key/key-folder.js';
export {
  type ModuleKeyCertificate,
  type ModuleKeyRequest,
  prepareModuleKey,
  signUpdates,
} from './module/signing.js';
export {
  type CeremonyOptions,
  type KeyRequest,
  type MadeKey,
  makeRoleKeys,
  type RevokedKey,
  renewDocuments,
  revokeKey,
  rotateRoleKeys,
  type SignedDraft,
  signDrafts,
} from './site/ceremony.js';
export { type KeyList, type ListedKey, listKeys } from './site/key-list.js';
export type { PlannedFile, Publication } from './site/publication.js';
export {
  type ListedUpdate,
  listPublished,
  type PublishOptions,
  type PublishRequest,
  publish,
} from './site/publish.js';
export type { MissingSignatures } from './site/signature-need.js';
export { openSite, type Site } from './site/site.js';
export { parseValidity, VALID_DAYS, type Validity } from './site/validity.js';
