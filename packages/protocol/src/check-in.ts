// A machine reports and learns what to do. Only the server's storage decides whether a check-in took place, so an answer that
// was lost on its way must be no problem, and a copy of the machine must be noticed:
//
// - `sequence` is one more than that of the last check-in that was acknowledged (1 after registration).
// - `nonce` is random, made once for each sequence and kept on disk before it is sent. The same sequence with the same nonce
//   is the same check-in, sent again because its answer was lost; it is answered as if it were the first time.
// - The same sequence with another nonce comes from a second machine with the same token: 409 `machine-cloned`.
// - A lower sequence was acknowledged before: 409 `machine-cloned` when the fingerprint is another one too, else
//   `check-in-replayed` (somebody repeats an old message, or the machine was restored from a snapshot).
// - A higher sequence is accepted: the server was restored from a backup that is older than the machine's last check-in.
//
// After a 409 the machine keeps what is applied, stops checking in, and says so until it is registered again.

import { z } from 'zod';
import { MachineIdentity, MachineState } from './machine.js';
import { MachineReport, UpdateId } from './report.js';

export const CheckInRequest = z.object({
  sequence: z.number().int().positive().max(Number.MAX_SAFE_INTEGER),
  nonce: z.string().regex(/^[0-9a-f]{32}$/),
  identity: MachineIdentity,
  report: MachineReport,
});
export type CheckInRequest = z.infer<typeof CheckInRequest>;

export const InstallMode = z.enum(['install', 'notify', 'off']);
export type InstallMode = z.infer<typeof InstallMode>;

/**
 * What of that which the repository vouches for the machine shall have. The server can only leave out and take back: an
 * id that the repository does not have for this kernel is nothing.
 */
export const DesiredState = z.object({
  /** Null: as the machine's own configuration says. The configuration's `off` wins over everything said here. */
  mode: InstallMode.nullable(),
  /** `all` that the repository has for this kernel, but not those in `except` (not released for this machine's ring yet). */
  updates: z.union([z.literal('all'), z.array(UpdateId)]),
  except: z.array(UpdateId),
  /** To be undone when applied, and not to be applied. Wins over `updates`. */
  remove: z.array(UpdateId),
  /** What is not applied yet is applied by itself only within these; without the field at any time. Taking back knows no windows. */
  windows: z
    .array(z.object({ from: z.iso.datetime({ offset: true }), to: z.iso.datetime({ offset: true }) }))
    .max(1000)
    .optional(),
});
export type DesiredState = z.infer<typeof DesiredState>;

export const CheckInAnswer = z.object({
  state: MachineState,
  group: z.string().nullable(),
  /** 0 is the first ring to get an update. */
  ring: z.number().int().nonnegative(),
  desired: DesiredState,
  nextCheckInSeconds: z.number().int().positive(),
  /** The server is too busy: every machine adds this to its waiting time once. */
  backOffSeconds: z.number().int().nonnegative().optional(),
  /** For the administrator of the machine. */
  message: z.string().optional(),
});
export type CheckInAnswer = z.infer<typeof CheckInAnswer>;
