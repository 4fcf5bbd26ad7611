// The two messages of machines. What they mean is in packages/protocol.

import {
  CHECK_IN_PATH,
  CheckInAnswer,
  CheckInRequest,
  REGISTER_PATH,
  REPOSITORY_PATH,
  RegisterAnswer,
  RegisterRequest,
} from '@resplice/protocol';
import type { FastifyRequest } from 'fastify';
import { findClaimedMachine } from '../../access/credential.js';
import { assertNotBlocked, countFailure } from '../../access/throttle.js';
import { ServiceError } from '../../failure.js';
import { answerOf } from '../../machine/answer-check-ins.js';
import { registerMachine } from '../../machine/registration.js';
import type { Service } from '../../service.js';
import type { App } from '../app.js';
import { answers } from '../route-parts.js';

export function addMachineMessageRoutes(app: App, service: Service): void {
  const { orm } = service.database;
  app.post(
    REGISTER_PATH,
    {
      config: { need: 'machine' },
      schema: {
        summary: 'register a machine with an access key',
        body: RegisterRequest,
        response: answers(RegisterAnswer, 'access-key-refused', 'request-malformed', 'too-many-requests'),
      },
    },
    async (request) => {
      const registered = await tryToRegister(service, request.body, request.ip);
      const { machine, token, state, checkInSeconds, organisationId } = registered;
      void service.notifier.notify(organisationId, 'machine.registered', [{ machine, state }]);
      return {
        machine,
        token,
        state,
        repository: registered.repositoryUrl ?? ownRepository(service, request),
        rootSha256: registered.repositoryUrl === null ? (service.repository.state?.rootSha256 ?? null) : null,
        nextCheckInSeconds: checkInSeconds,
      };
    },
  );

  app.post(
    CHECK_IN_PATH,
    {
      config: { need: 'machine' },
      schema: {
        summary: 'report, and learn what to do; with the token of the machine',
        security: [{ bearer: [] }],
        body: CheckInRequest,
        response: answers(
          CheckInAnswer,
          'not-authenticated',
          'check-in-replayed',
          'machine-cloned',
          'request-malformed',
          'server-busy',
        ),
      },
    },
    async (request) => {
      const token = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
      const machine = findClaimedMachine(token);
      if (machine === undefined) throw new ServiceError('not-authenticated');
      const result = await service.checkIns.add({ machine, token, request: request.body });
      if (!result.ok) throw result.error;
      const catalogue = await service.catalogue.get(orm, result.catalogueVersion);
      return answerOf(result, catalogue, { waiting: service.checkIns.length, now: service.now() });
    },
  );
}

/** A valid key is never held up, whatever others at the same address do; whoever guesses is. */
async function tryToRegister(service: Service, body: RegisterRequest, address: string) {
  const { orm } = service.database;
  const keys = [{ key: `register-from ${address}`, free: 20 }];
  try {
    return await registerMachine(orm, service.levels, body, service.now());
  } catch (error) {
    service.levels.forget();
    if (!(error instanceof ServiceError) || error.code !== 'access-key-refused') throw error;
    await assertNotBlocked(orm, keys, service.now());
    await countFailure(orm, keys, service.now());
    throw error;
  }
}

function ownRepository({ options }: Service, request: FastifyRequest): string | null {
  if (options.repository === undefined) return null;
  const base = options.publicUrl ?? `${request.protocol}://${request.host}`;
  return URL.canParse(base) ? new URL(REPOSITORY_PATH, base).href : null;
}
