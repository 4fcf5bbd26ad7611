export {
  CodeSite,
  FirstDifference,
  FORMAT_VERSION,
  Manifest,
  PatchedObject,
  ReplacedFunction,
  UpdateId,
} from './manifest.js';
