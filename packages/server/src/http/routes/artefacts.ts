// Artefacts of the organisation: whatever the factory makes and people want to fetch. Names are checked before anything else.

import { z } from 'zod';
import { isArtefactName } from '../../artefact/artefact-store.js';
import { entryOf, writeAudit } from '../../audit.js';
import { notFound } from '../../failure.js';
import type { Service } from '../../service.js';
import type { App } from '../app.js';
import { principalOf } from '../guard.js';
import { answers, authorOf, DONE, Done } from '../route-parts.js';

const MAX_BYTES = 64 * 1024 * 1024;

const Params = z.object({ '*': z.string().max(250).refine(isArtefactName, 'is no name of an artefact') });
const Artefact = z.object({ name: z.string(), length: z.number() });

export function addArtefactRoutes(app: App, service: Service): void {
  const { artefacts, database } = service;
  const own = (organisationId: string, name: string): string => `${organisationId}/${name}`;
  app.addContentTypeParser(
    'application/octet-stream',
    { parseAs: 'buffer', bodyLimit: MAX_BYTES },
    (_request, body, done) => done(null, body),
  );

  app.get(
    '/api/v1/artefacts',
    {
      config: { need: 'read' },
      schema: { summary: 'artefacts', response: answers(z.object({ artefacts: z.array(Artefact) })) },
    },
    async (request) => {
      const { organisationId } = principalOf(request);
      const found = await artefacts.list(`${organisationId}/`);
      return {
        artefacts: found.map(({ name, length }) => ({ name: name.slice(organisationId.length + 1), length })),
      };
    },
  );

  app.get(
    '/api/v1/artefacts/*',
    { config: { need: 'read' }, schema: { summary: 'the bytes of an artefact', params: Params } },
    async (request, reply) => {
      const bytes = await artefacts.get(own(principalOf(request).organisationId, request.params['*']));
      if (bytes === undefined) throw notFound('artefact');
      return reply
        .type('application/octet-stream')
        .header('content-disposition', 'attachment')
        .send(Buffer.from(bytes));
    },
  );

  app.put(
    '/api/v1/artefacts/*',
    {
      config: { need: 'artefacts' },
      bodyLimit: MAX_BYTES,
      schema: {
        summary: 'put an artefact, as application/octet-stream',
        params: Params,
        body: z.instanceof(Buffer),
        response: answers(Done, 'media-type-unknown', 'message-too-large'),
      },
    },
    async (request) => {
      const { organisationId } = principalOf(request);
      const subject = request.params['*'];
      await artefacts.put(own(organisationId, subject), request.body);
      const detail = { length: request.body.length };
      await writeAudit(database.orm, entryOf(authorOf(request), 'artefact.put', subject, detail));
      return DONE;
    },
  );

  app.delete(
    '/api/v1/artefacts/*',
    {
      config: { need: 'artefacts' },
      schema: { summary: 'remove an artefact', params: Params, response: answers(Done) },
    },
    async (request) => {
      const { organisationId } = principalOf(request);
      const subject = request.params['*'];
      await artefacts.remove(own(organisationId, subject));
      await writeAudit(database.orm, entryOf(authorOf(request), 'artefact.remove', subject));
      return DONE;
    },
  );
}
