// Users, what they may do, and the credentials they hand out.

import { z } from 'zod';
import { ALL_RIGHTS, ALL_ROLES } from './rights.js';
import { Moment } from './value.js';

/** Who asks. */
export const Me = z.object({
  actor: z.string(),
  role: z.enum(ALL_ROLES),
  rights: z.array(z.enum(ALL_RIGHTS)),
  oneTimeCodes: z.boolean(),
});
export type Me = z.infer<typeof Me>;

export const User = z.object({
  id: z.uuid(),
  name: z.string(),
  role: z.enum(ALL_ROLES),
  disabled: z.boolean(),
  oneTimeCodes: z.boolean(),
  createdAt: Moment,
  lastLoginAt: Moment.nullable(),
});
export type User = z.infer<typeof User>;

export const ApiToken = z.object({
  id: z.uuid(),
  name: z.string(),
  user: z.string(),
  scopes: z.array(z.string()),
  createdAt: Moment,
  expiresAt: Moment.nullable(),
});
export type ApiToken = z.infer<typeof ApiToken>;

/** What is known of an access key; its text is shown once, when it is made. */
export const AccessKeyRecord = z.object({
  id: z.uuid(),
  name: z.string(),
  group: z.string().nullable(),
  tags: z.array(z.string()),
  uses: z.number(),
  maxUses: z.number().nullable(),
  createdAt: Moment,
  expiresAt: Moment.nullable(),
  revokedAt: Moment.nullable(),
});
export type AccessKeyRecord = z.infer<typeof AccessKeyRecord>;
