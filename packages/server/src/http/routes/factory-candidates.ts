// Candidates: what a reviewer sees, and what people decide.

import {
  ApproveRequest,
  CandidateDetail,
  CandidatePage,
  CandidateQuery,
  CustomCodeRequest,
  ProbeRequest,
  WordsRequest,
} from '@resplice/protocol/factory';
import { z } from 'zod';
import type { Need } from '../../access/rights.js';
import type { Author } from '../../audit.js';
import { listCandidates, showCandidate } from '../../factory/candidate-view.js';
import {
  approve,
  cancel,
  changeCode,
  changeProbe,
  refuse,
  retry,
  sendBack,
  withdraw,
} from '../../factory/review.js';
import type { Service } from '../../service.js';
import type { App } from '../app.js';
import { principalOf } from '../guard.js';
import { answers, authorOf, DONE, Done, Identified } from '../route-parts.js';

const CODES = ['not-found', 'conflict', 'request-malformed'] as const;

export function addFactoryCandidateRoutes(app: App, service: Service): void {
  const { orm } = service.database;

  app.get(
    '/api/v1/factory/candidates',
    {
      config: { need: 'read' },
      schema: {
        summary: 'candidates, the most urgent first',
        querystring: CandidateQuery,
        response: answers(CandidatePage, 'request-malformed'),
      },
    },
    (request) => listCandidates(orm, principalOf(request).organisationId, request.query),
  );

  app.get(
    '/api/v1/factory/candidates/:id',
    {
      config: { need: 'read' },
      schema: {
        summary: 'one candidate with everything that a decision needs',
        params: Identified,
        response: answers(CandidateDetail, 'not-found'),
      },
    },
    (request) =>
      showCandidate(orm, service.artefacts, principalOf(request).organisationId, request.params.id),
  );

  const post = <Body extends z.ZodType>(
    action: string,
    about: { readonly need: Need; readonly summary: string; readonly body: Body },
    work: (author: Author, id: string, body: z.infer<Body>) => Promise<void>,
  ): void => {
    app.post(
      `/api/v1/factory/candidates/:id/${action}`,
      {
        config: { need: about.need },
        schema: {
          summary: about.summary,
          params: Identified,
          body: about.body as z.ZodType,
          response: answers(Done, ...CODES),
        },
      },
      async (request) => {
        await work(authorOf(request), request.params.id, request.body as z.infer<Body>);
        return DONE;
      },
    );
  };
  const NOTHING = z.object({});
  post(
    'approve',
    { need: 'review', summary: 'approve what has this hash (reviewSha256)', body: ApproveRequest },
    (author, id, body) => approve(orm, author, id, body),
  );
  post(
    'send-back',
    { need: 'review', summary: 'it needs code or another look', body: WordsRequest },
    (author, id, { words }) => sendBack(orm, author, id, words),
  );
  post(
    'refuse',
    { need: 'review', summary: 'it is not going to be an update', body: WordsRequest },
    (author, id, { words }) => refuse(orm, author, id, words),
  );
  post(
    'withdraw',
    { need: 'review', summary: 'leave it out of the next cumulative update', body: WordsRequest },
    (author, id, { words }) => withdraw(orm, author, id, words),
  );
  post('retry', { need: 'factory', summary: 'make it again', body: NOTHING }, (author, id) =>
    retry(orm, author, id),
  );
  post('cancel', { need: 'factory', summary: 'stop the work on it', body: NOTHING }, (author, id) =>
    cancel(orm, author, id),
  );

  app.put(
    '/api/v1/factory/candidates/:id/custom-code',
    {
      config: { need: 'review' },
      schema: {
        summary: 'code that the unit needs, as a patch on top of it; the unit is made again',
        params: Identified,
        body: CustomCodeRequest,
        response: answers(Done, ...CODES),
      },
    },
    async (request) => {
      await changeCode(orm, authorOf(request), request.params.id, request.body.patch);
      return DONE;
    },
  );

  app.put(
    '/api/v1/factory/candidates/:id/probe',
    {
      config: { need: 'review' },
      schema: {
        summary: 'a script that shows the hole: exit status 0 says safe, 1 exposed; the unit is tested again',
        params: Identified,
        body: ProbeRequest,
        response: answers(Done, ...CODES),
      },
    },
    async (request) => {
      await changeProbe(orm, authorOf(request), request.params.id, request.body.script);
      return DONE;
    },
  );
}
