// What the timer does. A machine that cannot reach its server still gets what its repository has, by the server's last word: the repository is
// what is trusted, and may be served from elsewhere.

import { RespliceError } from '@resplice/report';
import { listAvailableUpdates, type TrustedMetadata } from '@resplice/update/repository';
import type { Client } from '../client.js';
import { checkIn, isCheckInDue } from '../service/check-in.js';
import { openRegistration, type Registration } from '../service/registration.js';
import { rememberKnown } from './upgrade.js';

export interface ServiceWord {
  /** Undefined when this machine is not registered. */
  readonly registration: Registration | undefined;
  /** Why the server could not be asked; its last word counts. */
  readonly problem: RespliceError | undefined;
  readonly asked: boolean;
}

/** Checks in, if the machine is registered. `whenDue`: only when the server wants to hear from it already. */
export async function askService(client: Client, whenDue: boolean): Promise<ServiceWord> {
  const registration = openRegistration(client.places).read();
  if (registration === undefined) return { registration, problem: undefined, asked: false };
  if (whenDue && registration.stopped === null && !isCheckInDue(registration, client.machine.now())) {
    return { registration, problem: undefined, asked: false };
  }
  try {
    return { registration: await checkIn(client), problem: undefined, asked: true };
  } catch (error) {
    if (!(error instanceof RespliceError)) throw error;
    return { registration: openRegistration(client.places).read(), problem: error, asked: true };
  }
}

/** Looks into the repository and applies nothing; gives back how many updates it has for this kernel. */
export async function refreshKnown(client: Client, trusted: TrustedMetadata): Promise<number> {
  const available = await listAvailableUpdates(trusted, client.kernel);
  await rememberKnown(
    client,
    available.map(({ info }) => info),
  );
  return available.length;
}
