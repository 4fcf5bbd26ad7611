// What the routes have in common.

import { ERRORS, type ErrorCode, ErrorMessage } from '@resplice/protocol';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Author } from '../audit.js';
import type { Changer } from '../machine/machine-change.js';
import type { FleetReader } from '../machine/machine-view.js';
import type { Service } from '../service.js';
import { principalOf } from './guard.js';

export { Moment, Name } from '@resplice/protocol/console';

export const Identified = z.object({ id: z.uuid() });
export const Done = z.object({ done: z.literal(true) });
export const DONE: z.infer<typeof Done> = { done: true };

export function iso(value: Date | string): string {
  return (value instanceof Date ? value : new Date(value)).toISOString();
}

export function isoOrNull(value: Date | string | null): string | null {
  return value === null ? null : iso(value);
}

/** For the OpenAPI document: the answer, and which errors there can be. */
export function answers<T extends z.ZodType>(schema: T, ...codes: readonly ErrorCode[]) {
  const statuses = [...new Set(codes.map((code) => ERRORS[code].status))];
  const errors = statuses.map((status) => {
    const names = codes.filter((code) => ERRORS[code].status === status).join(', ');
    return [status, ErrorMessage.describe(names)] as const;
  });
  return { 200: schema, ...Object.fromEntries(errors) } as { readonly 200: T };
}

export async function readerOf(service: Service, request: FastifyRequest): Promise<FleetReader> {
  const { organisationId } = principalOf(request);
  const { orm } = service.database;
  return { orm, levels: service.levels, catalogue: await service.catalogue.get(orm), organisationId };
}

export function authorOf(request: FastifyRequest): Author {
  return { principal: principalOf(request), address: request.ip };
}

export function changerOf(service: Service, request: FastifyRequest): Changer {
  return { orm: service.database.orm, ...authorOf(request) };
}
