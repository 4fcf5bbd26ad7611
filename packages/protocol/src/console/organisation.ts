import { z } from 'zod';
import { MaintenanceWindows } from './maintenance-window.js';
import { Moment } from './value.js';

export const OrganisationSettings = z.object({
  name: z.string(),
  newMachines: z.enum(['active', 'pending']).describe('what a machine that registers is at first'),
  rollout: z
    .enum(['all', 'manual', 'plan'])
    .describe('where published updates go: to every ring, nowhere by themselves, or by the automatic plan'),
  checkInSeconds: z.number().int().min(10).max(604_800),
  repositoryUrl: z.url({ protocol: /^https?$/ }).nullable(),
  mailRecipients: z.array(z.email()).max(50),
  windows: MaintenanceWindows.nullable().describe('when machines may install; null: at any time'),
  publicExposure: z.boolean().describe('whether anybody may ask what the updates here are for'),
  approvals: z.number().int().min(1).max(2).describe('people who have to approve a candidate'),
});
export type OrganisationSettings = z.infer<typeof OrganisationSettings>;

export const AuditEntry = z.object({
  id: z.number(),
  at: Moment,
  actor: z.string(),
  action: z.string(),
  subject: z.string(),
  detail: z.record(z.string(), z.unknown()),
  address: z.string().nullable(),
});
export type AuditEntry = z.infer<typeof AuditEntry>;

export const Webhook = z.object({
  id: z.uuid(),
  url: z.string(),
  events: z.array(z.string()),
  createdAt: Moment,
  lastStatus: z.string().nullable().describe('HTTP status of the last delivery, or why there was none'),
  lastAt: Moment.nullable(),
});
export type Webhook = z.infer<typeof Webhook>;

/** What can be told to a webhook. */
export const EventKind = z.object({ name: z.string(), title: z.string() });
export type EventKind = z.infer<typeof EventKind>;
