// A machine becomes known to the server. Registering again is the way out of every state that does not match any more (restored
// from a snapshot, cloned, reinstalled): the same identity keeps its uuid and gets a new token, and the old token is worth nothing.
// A copy of a machine has the same `machineId` and another `fingerprint`, and so becomes a machine of its own.

import { z } from 'zod';
import { AccessKey, MachineIdentity, MachineState, MachineToken } from './machine.js';
import { MachineReport } from './report.js';

export const RegisterRequest = z.object({
  accessKey: AccessKey,
  identity: MachineIdentity,
  report: MachineReport,
});
export type RegisterRequest = z.infer<typeof RegisterRequest>;

export const RegisterAnswer = z.object({
  machine: z.uuid(),
  token: MachineToken,
  state: MachineState,
  /** Where the updates are; null when the machine's own configuration has to say it. */
  repository: z.url().nullable(),
  /** Of the first `root.json`, to be compared with what came by a way that is trusted. It is no reason to trust by itself. */
  rootSha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  nextCheckInSeconds: z.number().int().positive(),
});
export type RegisterAnswer = z.infer<typeof RegisterAnswer>;
