export { CHECK_IN_PATH, MAX_MESSAGE_BYTES, REGISTER_PATH, REPOSITORY_PATH } from './address.js';
export { CheckInAnswer, CheckInRequest, DesiredState, InstallMode } from './check-in.js';
export { ERRORS, type ErrorCode, ErrorMessage } from './error.js';
export {
  AccessKey,
  MachineIdentity,
  MachineState,
  MachineToken,
} from './machine.js';
export { RegisterAnswer, RegisterRequest } from './registration.js';
export { MachineReport, ReportedUpdate, UpdateId, UpdateState } from './report.js';
