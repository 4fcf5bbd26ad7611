// The factory by HTTP, for the commands under `resplice factory`.

import { CandidateDetail, CandidatePage, type CandidateRow } from '@resplice/protocol/factory';
import { InputError } from '@resplice/report';
import { type ApiClient, newApiCommand, openApiClient, type ServerChoice } from './api-client.js';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export type FactoryClient = ApiClient;

export function newFactoryCommand(name: string, summary: string, examples: readonly string[]) {
  return newApiCommand(
    name,
    summary,
    examples.map((example) => `resplice factory ${example}`),
  );
}

/** Throws as openApiClient. */
export function openFactoryClient(choice: ServerChoice, signal: AbortSignal): Promise<FactoryClient> {
  return openApiClient(choice, signal, '/api/v1/factory/');
}

/** By its id, or by the name of its unit when only one kernel has it. */
export async function findCandidate(
  client: FactoryClient,
  name: string,
  kernel?: string,
): Promise<CandidateRow> {
  if (UUID.test(name)) return client.get(`candidates/${name}`, CandidateDetail);
  const query = new URLSearchParams({ q: name, limit: '50', ...(kernel === undefined ? {} : { kernel }) });
  const { candidates } = await client.get(`candidates?${query}`, CandidatePage);
  const exact = candidates.filter(({ unit }) => unit === name);
  const [only, ...others] = exact.length > 0 ? exact : candidates;
  if (only !== undefined && others.length === 0) return only;
  if (only === undefined)
    throw new InputError(
      'no-such-candidate',
      `${name}: no candidate has this name; "resplice factory units" lists them`,
    );
  const names = [only, ...others].map(
    ({ unit, kernel: { release, version } }) => `${unit} --kernel ${release}=${version}`,
  );
  throw new InputError('candidate-ambiguous', `${name} fits several; name one of: ${names.join(', ')}`);
}
