export {
  askAttendant,
  askScript,
  COMMAND,
  describeEnd,
  FLOCK,
  FOLDER,
  outputOf,
  planAttendant,
  WASM_ONCE,
} from './guest-program.js';
export { reportGuestEvents } from './guest-progress.js';
export {
  applyInGuests,
  type GuestVerdict,
  judgeGuest,
  planGuest,
  type Trial,
  type TrialOptions,
} from './guest-trial.js';
