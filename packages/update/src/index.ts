export { encodeUpdate, MAX_UPDATE_SIZE, parseUpdate, type Update } from './archive.js';
export { encodeCanonicalJson } from './canonical-json.js';
export {
  CodeSite,
  FirstDifference,
  FORMAT_VERSION,
  Manifest,
  PatchedObject,
  ReplacedFunction,
  UpdateId,
} from './manifest.js';
export { hashContent, patchPath } from './payload.js';
export { readUpdate, writeUpdate } from './update-file.js';
