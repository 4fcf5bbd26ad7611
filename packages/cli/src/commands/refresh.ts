import { askService, findRepository, refreshKnown, withClientLock } from '@resplice/client';
import { newCommand } from '../command.js';
import { done } from '../outcome.js';
import { count } from '../printed-text.js';
import { openRepository } from '../repository-client.js';
import { assertRoot, openServiceClient } from '../service-client.js';
import { runSession } from '../session.js';
import { assertRepository } from './upgrade.js';

export function refreshCommand() {
  return newCommand('refresh', 'report to the server and look into the repository now; applies nothing', [
    'sudo resplice refresh',
  ]).action((options) =>
    runSession(options, async (session) => {
      const client = await openServiceClient(session);
      assertRoot(client);
      return withClientLock(client, 'refresh', async () => {
        const { registration, problem } = await askService(client, false);
        const from = assertRepository(findRepository(client, registration));
        const { root, state } = client.places;
        const found = await refreshKnown(
          client,
          await openRepository({ from, root, state, signal: session.signal }),
        );
        // The server hears what is available only now.
        const after = problem === undefined ? await askService(client, false) : { registration, problem };
        if (after.problem !== undefined) throw after.problem;
        const server =
          after.registration === undefined
            ? []
            : [`the server answered; this machine is ${after.registration.state}`];
        const json = {
          available: found,
          registration: after.registration?.state ?? null,
          desired: after.registration?.desired ?? null,
        };
        return done(json, [
          `the repository has ${count(found, 'update')} for ${client.kernel.release}`,
          ...server,
        ]);
      });
    }),
  );
}
