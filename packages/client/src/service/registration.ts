// What this machine and its server know of each other. The token lies in a file of its own that only root can read, so that everybody may ask
// for the status.

import { join } from 'node:path';
import { DesiredState, MachineState } from '@resplice/protocol';
import { EnvironmentError } from '@resplice/report';
import { z } from 'zod';
import type { Places } from '../places.js';
import { type Document, openDocument } from '../state/document.js';

const Registration = z.object({
  format: z.literal(1),
  server: z.string(),
  machine: z.string(),
  state: MachineState,
  repository: z.string().nullable(),
  rootSha256: z.string().nullable(),
  group: z.string().nullable(),
  /** Of the last check-in that the server acknowledged. */
  sequence: z.number().int().nonnegative(),
  /** Of the check-in that is under way, or whose answer was lost. */
  nonce: z.string().nullable(),
  lastCheckIn: z.string().nullable(),
  /** Not before; commands given by hand do not wait. */
  nextCheckIn: z.string(),
  /** What the server said last. */
  desired: DesiredState.nullable(),
  message: z.string().nullable(),
  /** Why check-ins were given up, until the machine is registered again. */
  stopped: z.object({ code: z.string(), message: z.string() }).nullable(),
});
export type Registration = z.infer<typeof Registration>;

const Token = z.object({ token: z.string() });

export function openRegistration(places: Places): Document<Registration> {
  return openDocument(join(places.state, 'registration.json'), Registration);
}

export function openToken(places: Places): Document<z.infer<typeof Token>> {
  return openDocument(join(places.state, 'token.json'), Token, 0o600);
}

/** Throws EnvironmentError `not-registered`. */
export function readRegistration(places: Places): Registration {
  const registration = openRegistration(places).read();
  if (registration !== undefined) return registration;
  const message =
    'this machine is not registered with a server; run "resplice register --server URL --key KEY", or name a repository with --from';
  throw new EnvironmentError('not-registered', message);
}
