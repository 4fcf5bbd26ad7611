// What people and their browsers say to the server: the dashboard and the routes that it asks have their types from here.

export { EXPOSURE_PATH, Exposure, ExposureQuery } from './exposure.js';
export { CveStanding, FleetSummary } from './fleet.js';
export { FleetHistory, FleetSample, FleetStanding } from './fleet-history.js';
export { Group } from './group.js';
export { LIVE_IDS, LIVE_PATH, LIVE_READY, LIVE_TOPICS, LiveEvent, LiveTopic } from './live.js';
export {
  MachineChange,
  MachineDetail,
  MachineFilter,
  MachineHealth,
  MachinePage,
  MachinePlace,
  MachineSort,
  MachineStatus,
  MachineSummary,
} from './machine.js';
export { MaintenanceWindow, MaintenanceWindows, WEEKDAYS } from './maintenance-window.js';
export { AuditEntry, EventKind, OrganisationSettings, Webhook } from './organisation.js';
export { ALL_RIGHTS, ALL_ROLES, RIGHTS, type Right, ROLES, type Role } from './rights.js';
export { RolloutGates, RolloutPlan, RolloutPlanBody, RolloutRing } from './rollout/plan.js';
export {
  RingFigures,
  Rollout,
  RolloutHalt,
  RolloutSignal,
  RolloutState,
  StartRollout,
} from './rollout/rollout.js';
export { UpdateStanding } from './update.js';
export { AccessKeyRecord, ApiToken, Me, User } from './user.js';
export { LAST_RING, Moment, Name, Ring } from './value.js';
