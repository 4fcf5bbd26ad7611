// What people and their browsers say to the server: the dashboard and the routes that it asks have their types from here.

export { CveStanding, FleetSummary } from './fleet.js';
export { Group } from './group.js';
export {
  MachineChange,
  MachineDetail,
  MachineFilter,
  MachineHealth,
  MachinePage,
  MachineStatus,
  MachineSummary,
} from './machine.js';
export { AuditEntry, EventKind, OrganisationSettings, Webhook } from './organisation.js';
export { ALL_RIGHTS, ALL_ROLES, RIGHTS, type Right, ROLES, type Role } from './rights.js';
export { UpdateStanding } from './update.js';
export { AccessKeyRecord, ApiToken, Me, User } from './user.js';
export { LAST_RING, Moment, Name, Ring } from './value.js';
