export {
  EnvironmentError,
  type ErrorContext,
  InputError,
  InternalError,
  RespliceError,
  TrustError,
  UnreachableError,
  UsageError,
} from './error.js';
export { findKernelComplaints, findKernelFaults, wordsOfComplaint } from './kernel-complaint.js';
export { type ProgressEvent, type ProgressSink, silentProgress, withStage } from './progress.js';
export { REASONS, type ReasonCode, type ReasonEntry } from './reasons.js';
export { accept, formatSubject, type Reason, refuse, type Subject, type Verdict } from './verdict.js';
export { VERSION } from './version.js';
