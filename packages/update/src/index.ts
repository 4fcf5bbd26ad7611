export { encodeUpdate, MAX_UPDATE_SIZE, parseUpdate, type Update } from './archive.js';
export { encodeCanonicalJson } from './canonical-json.js';
export { compareVersions } from './debian-version.js';
export { applyDelta, encodeDelta } from './delta.js';
export { syncDirectory, writeDurably } from './durable-file.js';
export {
  type AbsoluteImport,
  ChangedType,
  CodeSite,
  FirstDifference,
  FORMAT_VERSION,
  Manifest,
  PatchedObject,
  ReplacedFunction,
  Trampoline,
  UnloadedModule,
  UpdateId,
} from './manifest.js';
export { joinModule, type ModuleSigner, readModuleSigner, splitModule } from './module-signature.js';
export { CORE_NAME, hashContent, patchPath } from './payload.js';
export { readUpdate, writeUpdate } from './update-file.js';
