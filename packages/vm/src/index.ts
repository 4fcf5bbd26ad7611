export { findKernelComplaints } from '@resplice/report';
export { type ProbeOptions, probeAccelerator } from './accelerator.js';
export {
  type Accelerator,
  type GuestEvent,
  type GuestFile,
  type GuestFileSource,
  type GuestFirmware,
  type GuestModules,
  type GuestOutcome,
  type GuestResult,
  type GuestSpec,
  type GuestStep,
  OUTPUT_LIMIT,
  type StepResult,
} from './guest.js';
export { GuestDebugger } from './guest-debugger.js';
export { findMissingPrograms, type MissingProgram } from './host-program.js';
export { runGuest } from './run-guest.js';
