// What the commands of a machine that looks after itself have in common: its files, its configuration and proxy, and how one update is
// applied and undone there.

import {
  type Apply,
  type Client,
  chooseProxy,
  openClient,
  placesBelow,
  type Undo,
  useProxy,
} from '@resplice/client';
import { disassemble } from '@resplice/engine';
import { applyUpdate, openMachine, undoUpdate } from '@resplice/host';
import { EnvironmentError } from '@resplice/report';
import { hostUpdate } from './host-update.js';
import type { Session } from './session.js';

export interface PlaceOptions {
  readonly state?: string | undefined;
  readonly root?: string | undefined;
  readonly config?: string | undefined;
}

/** Throws as openClient and useProxy do. */
export async function openServiceClient(session: Session, options: PlaceOptions = {}): Promise<Client> {
  const places = placesBelow();
  const client = await openClient(openMachine(), {
    ...session,
    places: {
      ...places,
      state: options.state ?? places.state,
      root: options.root ?? places.root,
      configuration: options.config ?? places.configuration,
    },
  });
  await useProxy(chooseProxy(client.configuration, process.env), client.configuration.caFile);
  return client;
}

/** Throws EnvironmentError `not-root`. */
export function assertRoot(client: Client): void {
  if (client.machine.uid === 0) return;
  const message = `this changes the machine and runs as user ${client.machine.uid}; run it with sudo`;
  throw new EnvironmentError('not-root', message);
}

export function applyOn(
  { machine, configuration, signal }: Client,
  session: Session,
  timeout?: number,
): Apply {
  const timeoutSeconds = timeout ?? configuration.timeoutSeconds;
  return (update) =>
    applyUpdate(machine, hostUpdate(update), { ...session, signal, timeoutSeconds, disassemble });
}

export function undoOn({ machine, configuration }: Client, session: Session): Undo {
  return (id) => undoUpdate(machine, id, { ...session, timeoutSeconds: configuration.timeoutSeconds });
}
