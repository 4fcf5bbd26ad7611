export { forgiveBoots, openBootNote, settleBoot } from './boot/boot-guard.js';
export {
  type Apply,
  type BootResult,
  type ReappliedUpdate,
  reapplyWanted,
} from './boot/reapply.js';
export { checkSwitchedOff, describeSwitchedOff, type SwitchedOff } from './boot/switched-off.js';
export { type Client, type ClientOptions, openClient } from './client.js';
export {
  type Automatic,
  type Configuration,
  parseConfiguration,
  readConfiguration,
} from './configuration.js';
export type { HealthNote } from './health/health-note.js';
export { type HealthResult, LOOKS, watchHealth } from './health/watch-health.js';
export { type EffectiveKernel, readEffectiveKernel } from './kernel/effective.js';
export { withClientLock } from './lock.js';
export { type Places, placesBelow } from './places.js';
export { findRepository, registerMachine } from './service/check-in.js';
export { chooseProxy, useProxy } from './service/proxy.js';
export { openRegistration, type Registration, readRegistration } from './service/registration.js';
export { makeReport } from './service/report.js';
export { type Judgement, judgeStatus } from './status/judgement.js';
export { type ClientStatus, readStatus } from './status/status.js';
export { askService, refreshKnown, type ServiceWord } from './upgrade/automatic.js';
export { chooseAutomatic, findOpening } from './upgrade/choice.js';
export { forgetWanted, listRemovable, type TakenBack, takeBack, type Undo } from './upgrade/take-back.js';
export { applyAndKeep, type ClientUpgrade, upgradeClient } from './upgrade/upgrade.js';
