// The machine reports, and hears what it shall have. What the numbers are for is said in packages/protocol/src/check-in.ts; the rule here is:
// sequence and nonce are on the disk before they are sent, so that an answer that was lost is asked for again and not taken for a clone.

import { randomBytes } from 'node:crypto';
import {
  CHECK_IN_PATH,
  CheckInAnswer,
  REGISTER_PATH,
  REPOSITORY_PATH,
  RegisterAnswer,
} from '@resplice/protocol';
import { InputError, TrustError } from '@resplice/report';
import type { Client } from '../client.js';
import { isWebAddress } from '../configuration.js';
import { readIdentity } from './identity.js';
import { ServerBusy, sendMessage } from './message.js';
import { openRegistration, openToken, type Registration, readRegistration } from './registration.js';
import { makeReport } from './report.js';

/** After an answer that the server is busy with, when it names no time. */
const BUSY_SECONDS = 300;
/** After these the server does not want to hear from this machine until it is registered again. */
const FINAL = new Set(['machine-cloned', 'check-in-replayed', 'not-authenticated']);

/** Throws InputError (`access-key-malformed`, `server-malformed`, `access-key-refused`), UnreachableError, EnvironmentError. */
export async function registerMachine(
  client: Client,
  server: string,
  accessKey: string,
): Promise<Registration> {
  const { machine, places } = client;
  if (!isWebAddress(server)) {
    throw new InputError('server-malformed', `${server}: is no address of a server; expected https://HOST`);
  }
  if (!/^rsk_[A-Za-z0-9_-]{20,80}$/.test(accessKey)) {
    const message =
      'the access key is malformed; expected one that begins with "rsk_", as the server printed it';
    throw new InputError('access-key-malformed', message);
  }
  const body = { accessKey, identity: readIdentity(machine), report: makeReport(client) };
  const answer = await sendMessage(
    { server, path: REGISTER_PATH, body, signal: client.signal },
    RegisterAnswer,
  );
  const { token, state, repository, rootSha256 } = answer;
  const registration: Registration = {
    format: 1,
    server: server.replace(/\/+$/, ''),
    machine: answer.machine,
    state,
    repository,
    rootSha256,
    group: null,
    sequence: 0,
    nonce: null,
    lastCheckIn: null,
    nextCheckIn: machine.now().toISOString(),
    desired: null,
    message: null,
    stopped: null,
  };
  // The token first: a registration without its token would look whole.
  await openToken(places).write({ token });
  await openRegistration(places).write(registration);
  return registration;
}

/** Whether the server wants to hear from this machine already. */
export function isCheckInDue({ nextCheckIn, stopped }: Registration, now: Date): boolean {
  return stopped === null && Date.parse(nextCheckIn) <= now.getTime();
}

/** Throws EnvironmentError `not-registered`, TrustError and UnreachableError as sendMessage. */
export async function checkIn(client: Client): Promise<Registration> {
  const { machine, places } = client;
  const document = openRegistration(places);
  const before = readRegistration(places);
  if (before.stopped !== null) throw new TrustError(before.stopped.code, before.stopped.message);
  const token = openToken(places).read()?.token;
  const nonce = before.nonce ?? randomBytes(16).toString('hex');
  if (before.nonce === null) await document.write({ ...before, nonce });
  const sequence = before.sequence + 1;
  const body = { sequence, nonce, identity: readIdentity(machine), report: makeReport(client) };
  const request = { server: before.server, path: CHECK_IN_PATH, body, token, signal: client.signal };
  try {
    const answer = await sendMessage(request, CheckInAnswer);
    const after = acceptAnswer({ ...before, nonce }, answer, machine.now());
    await document.write(after);
    return after;
  } catch (error) {
    if (error instanceof ServerBusy) {
      const wait = error.retrySeconds ?? BUSY_SECONDS;
      await document.write({ ...before, nonce, nextCheckIn: later(machine.now(), wait) });
    } else if (error instanceof TrustError && FINAL.has(error.code)) {
      await document.write({ ...before, nonce, stopped: { code: error.code, message: error.message } });
    }
    throw error;
  }
}

function acceptAnswer(before: Registration, answer: CheckInAnswer, now: Date): Registration {
  const { state, group, desired, nextCheckInSeconds, backOffSeconds = 0, message = null } = answer;
  return {
    ...before,
    state,
    group,
    desired,
    message,
    sequence: before.sequence + 1,
    nonce: null,
    lastCheckIn: now.toISOString(),
    nextCheckIn: later(now, nextCheckInSeconds + backOffSeconds),
  };
}

/** Where the updates of a registered machine are. */
export function findRepository(client: Client, registration: Registration | undefined): string | undefined {
  const { repository } = client.configuration;
  if (repository !== undefined || registration === undefined) return repository;
  return registration.repository ?? `${registration.server}${REPOSITORY_PATH}`;
}

function later(now: Date, seconds: number): string {
  return new Date(now.getTime() + seconds * 1000).toISOString();
}
