export type { ApplicableUpdate } from './applicable-update.js';
export { type ApplyOptions, type ApplyResult, applyUpdate } from './apply.js';
export { type CheckedUpdate, type CheckOptions, checkApply } from './check/apply-check.js';
export type { Disassembler } from './check/code-comparison.js';
export { type Environment, readEnvironment } from './kernel/environment.js';
export type { TransitionOptions } from './livepatch/unloading.js';
export { acquireLock } from './machine/file-lock.js';
export { type MachineOptions, openMachine } from './machine/linux-machine.js';
export type {
  CommandResult,
  FileOpen,
  FileRead,
  Lock,
  Machine,
  OpenFile,
  StateStore,
} from './machine/machine.js';
export { type MachineFact, probeMachine } from './machine-facts.js';
export { type ModuleTrust, readModuleTrust } from './module-trust.js';
export { recoverUpdates } from './recovery.js';
export { readArchive } from './state/record.js';
export { type UndoOptions, type UndoResult, undoUpdate } from './undo.js';
export {
  listUpdates,
  showUpdate,
  type UpdateDetails,
  type UpdateState,
  type UpdateStatus,
} from './update-status.js';
export {
  type RunningKernel,
  readRunningKernel,
  type UpgradedUpdate,
  type UpgradeOptions,
  type UpgradeResult,
  upgradeMachine,
} from './upgrade.js';
