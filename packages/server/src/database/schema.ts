// The tables, the same for PostgreSQL and the embedded database. `npm run migration -w packages/server` compares this file with
// migrations/ and writes what is new; a migration that was released is never changed.
//
// Two things decide the shape. Every check-in writes one row of `machines` and, when nothing else changed, no column that has an
// index: PostgreSQL then updates the row in its page and no index grows. And thousands of machines are alike in kernel and
// updates, so that is one row of `patch_levels` that they share: what has to look at all machines (CVE view, filters) looks at
// some hundred levels instead.

import type {
  FleetSample,
  MaintenanceWindow,
  RolloutGates,
  RolloutHalt,
  RolloutRing,
} from '@resplice/protocol/console';
import { sql } from 'drizzle-orm';
import {
  bigint,
  bigserial,
  boolean,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  timestamp,
  unique,
  uuid,
} from 'drizzle-orm/pg-core';

export const moment = (name: string) => timestamp(name, { withTimezone: true });
export const createdAt = () => moment('created_at').notNull().defaultNow();

export const organisations = pgTable('organisations', {
  id: uuid('id').primaryKey(),
  name: text('name').notNull().unique(),
  createdAt: createdAt(),
  /** What a machine that registers is at first: `active` (default-allow) or `pending` (default-deny). */
  newMachines: text('new_machines', { enum: ['active', 'pending'] })
    .notNull()
    .default('active'),
  /**
   * `all`: an update is released to every ring once it is published; `manual`: to none before somebody releases it; `plan`: it begins its
   * way by the plan that is automatic.
   */
  rollout: text('rollout', { enum: ['all', 'manual', 'plan'] })
    .notNull()
    .default('all'),
  checkInSeconds: integer('check_in_seconds').notNull().default(3600),
  /** Null: the repository that the server itself serves. */
  repositoryUrl: text('repository_url'),
  mailRecipients: text('mail_recipients').array().notNull().default(sql`'{}'::text[]`),
  /** So many people have to approve a candidate of the factory: 1 or 2. */
  approvals: integer('approvals').notNull().default(1),
  /** When machines may install; null: at any time. */
  windows: jsonb('windows').$type<MaintenanceWindow[]>(),
  /** What its updates are for may be asked without logging in. */
  publicExposure: boolean('public_exposure').notNull().default(true),
});

export const organisationId = () =>
  uuid('organisation_id')
    .notNull()
    .references(() => organisations.id, { onDelete: 'cascade' });

export const users = pgTable('users', {
  id: uuid('id').primaryKey(),
  organisationId: organisationId(),
  name: text('name').notNull().unique(),
  role: text('role', { enum: ['viewer', 'operator', 'reviewer', 'admin'] }).notNull(),
  passwordHash: text('password_hash').notNull(),
  totpSecret: text('totp_secret'),
  /** Not in force before a code made with it was seen. */
  totpPending: text('totp_pending'),
  /** Time step of the last code that was used: none counts twice. */
  totpLastStep: bigint('totp_last_step', { mode: 'number' }).notNull().default(0),
  disabled: boolean('disabled').notNull().default(false),
  createdAt: createdAt(),
  lastLoginAt: moment('last_login_at'),
});

const userId = () =>
  uuid('user_id')
    .notNull()
    .references(() => users.id, { onDelete: 'cascade' });

export const sessions = pgTable('sessions', {
  hash: text('hash').primaryKey(),
  userId: userId(),
  createdAt: createdAt(),
  expiresAt: moment('expires_at').notNull(),
});

export const apiTokens = pgTable('api_tokens', {
  id: uuid('id').primaryKey(),
  organisationId: organisationId(),
  userId: userId(),
  name: text('name').notNull(),
  hash: text('hash').notNull().unique(),
  scopes: text('scopes').array().notNull(),
  createdAt: createdAt(),
  expiresAt: moment('expires_at'),
  revokedAt: moment('revoked_at'),
});

/** Failed attempts, by user name and by address; see access/throttle.ts. */
export const failedAttempts = pgTable('failed_attempts', {
  key: text('key').primaryKey(),
  failures: integer('failures').notNull(),
  blockedUntil: moment('blocked_until').notNull(),
  lastAt: moment('last_at').notNull(),
});

export const groups = pgTable(
  'groups',
  {
    id: uuid('id').primaryKey(),
    organisationId: organisationId(),
    name: text('name').notNull(),
    mode: text('mode', { enum: ['install', 'notify', 'off'] }),
    ring: integer('ring').notNull(),
    /** Instead of the organisation's. */
    windows: jsonb('windows').$type<MaintenanceWindow[]>(),
    createdAt: createdAt(),
  },
  (table) => [unique('groups_name').on(table.organisationId, table.name)],
);

export const accessKeys = pgTable('access_keys', {
  id: uuid('id').primaryKey(),
  organisationId: organisationId(),
  name: text('name').notNull(),
  hash: text('hash').notNull().unique(),
  groupId: uuid('group_id').references(() => groups.id, { onDelete: 'set null' }),
  tags: text('tags').array().notNull().default(sql`'{}'::text[]`),
  maxUses: integer('max_uses'),
  uses: integer('uses').notNull().default(0),
  createdAt: createdAt(),
  expiresAt: moment('expires_at'),
  revokedAt: moment('revoked_at'),
});

export const patchLevels = pgTable(
  'patch_levels',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    organisationId: organisationId(),
    /** Of everything below: equal levels are one row. */
    hash: text('hash').notNull(),
    kernelRelease: text('kernel_release').notNull(),
    kernelVersion: text('kernel_version').notNull(),
    buildId: text('build_id').notNull(),
    architecture: text('architecture').notNull(),
    flavour: text('flavour').notNull(),
    effectiveRelease: text('effective_release').notNull(),
    cvesFixed: integer('cves_fixed').notNull(),
    cvesOpen: integer('cves_open'),
    updates: jsonb('updates').$type<readonly LevelUpdate[]>().notNull(),
  },
  (table) => [unique('patch_levels_hash').on(table.organisationId, table.hash)],
);

export interface LevelUpdate {
  readonly id: string;
  readonly name?: string | undefined;
  readonly engine: 'livepatch' | 'trampoline';
  readonly state: 'applied' | 'available' | 'refused' | 'failed' | 'withdrawn';
  readonly reasons?: readonly { readonly code: string; readonly subject: string }[] | undefined;
}

export const machines = pgTable(
  'machines',
  {
    id: uuid('id').primaryKey(),
    organisationId: organisationId(),
    groupId: uuid('group_id').references(() => groups.id, { onDelete: 'set null' }),
    accessKeyId: uuid('access_key_id').references(() => accessKeys.id, { onDelete: 'set null' }),
    tokenHash: text('token_hash').notNull(),
    machineId: text('machine_id').notNull(),
    fingerprint: text('fingerprint').notNull(),
    state: text('state', { enum: ['pending', 'active', 'denied'] }).notNull(),
    hidden: boolean('hidden').notNull().default(false),
    tags: text('tags').array().notNull().default(sql`'{}'::text[]`),
    hostname: text('hostname'),
    client: text('client').notNull(),
    health: text('health', { enum: ['good', 'watching', 'bad'] }).notNull(),
    disabled: text('disabled', { enum: ['file', 'command-line', 'crash-loop'] }),
    patchLevelId: bigint('patch_level_id', { mode: 'number' })
      .notNull()
      .references(() => patchLevels.id),
    /** The last check-in that was refused as a copy's or a replay, until the machine is registered again. */
    conflict: text('conflict', { enum: ['check-in-replayed', 'machine-cloned'] }),
    conflictAt: moment('conflict_at'),
    registeredAt: moment('registered_at').notNull(),
    /** From here on nothing has an index: every check-in writes it. */
    sequence: bigint('sequence', { mode: 'number' }).notNull().default(0),
    nonce: text('nonce').notNull().default(''),
    lastSeenAt: moment('last_seen_at').notNull(),
    bootId: text('boot_id').notNull(),
    uptimeSeconds: bigint('uptime_seconds', { mode: 'number' }).notNull(),
    /** Of the report without its uptime: equal reports are not written again. */
    reportHash: text('report_hash').notNull(),
  },
  (table) => [
    unique('machines_identity').on(table.organisationId, table.machineId, table.fingerprint),
    index('machines_list').on(table.organisationId, table.id),
    index('machines_level').on(table.organisationId, table.patchLevelId),
    index('machines_group').on(table.groupId),
  ],
);

const machineId = () =>
  uuid('machine_id')
    .notNull()
    .references(() => machines.id, { onDelete: 'cascade' });

export const machineReports = pgTable('machine_reports', {
  machineId: machineId().primaryKey(),
  at: moment('at').notNull(),
  report: jsonb('report').notNull(),
});

/** What became different, and when; not every check-in. */
export const machineEvents = pgTable(
  'machine_events',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    machineId: machineId(),
    at: moment('at').notNull(),
    kind: text('kind').notNull(),
    detail: jsonb('detail').$type<Readonly<Record<string, unknown>>>().notNull(),
  },
  (table) => [index('machine_events_machine').on(table.machineId, table.id)],
);

/** What the repository has, as its verified metadata says. */
export const publishedUpdates = pgTable(
  'published_updates',
  {
    path: text('path').primaryKey(),
    updateId: text('update_id').notNull(),
    buildId: text('build_id').notNull(),
    kernelRelease: text('kernel_release').notNull(),
    kernelVersion: text('kernel_version').notNull(),
    description: text('description').notNull(),
    cves: text('cves').array().notNull(),
    engine: text('engine').notNull(),
    requires: text('requires').array().notNull(),
    /** Null for an update for itself. */
    cumulative: jsonb('cumulative').$type<{ readonly number: number; readonly contains: string[] }>(),
    length: bigint('length', { mode: 'number' }).notNull(),
    sha256: text('sha256').notNull(),
    publishedAt: moment('published_at').notNull(),
    /** When it was no longer in the metadata. */
    goneAt: moment('gone_at'),
  },
  (table) => [index('published_updates_id').on(table.updateId)],
);

export const rolloutPlans = pgTable(
  'rollout_plans',
  {
    organisationId: organisationId(),
    name: text('name').notNull(),
    rings: jsonb('rings').$type<readonly RolloutRing[]>().notNull(),
    gates: jsonb('gates').$type<RolloutGates>().notNull(),
    automatic: boolean('automatic').notNull(),
    changedAt: moment('changed_at').notNull(),
    changedBy: text('changed_by').notNull(),
  },
  (table) => [primaryKey({ columns: [table.organisationId, table.name] })],
);

/** Updates on their way through the rings of a plan, which is copied so that it does not change under way. */
export const stagedRollouts = pgTable(
  'staged_rollouts',
  {
    id: uuid('id').primaryKey(),
    organisationId: organisationId(),
    name: text('name').notNull(),
    updates: text('updates').array().notNull(),
    plan: text('plan').notNull(),
    rings: jsonb('rings').$type<readonly RolloutRing[]>().notNull(),
    gates: jsonb('gates').$type<RolloutGates>().notNull(),
    state: text('state', { enum: ['waiting', 'rolling', 'halted', 'everywhere', 'withdrawn'] }).notNull(),
    /** The last ring that is open; -1 before the first. */
    ring: integer('ring').notNull(),
    ringSince: moment('ring_since').notNull(),
    startsAt: moment('starts_at').notNull(),
    halt: jsonb('halt').$type<RolloutHalt>(),
    /** Machines that speak against it and whom somebody has overruled. */
    overruled: uuid('overruled').array().notNull().default(sql`'{}'::uuid[]`),
    /** What people are still to be told; see rollout/advance.ts. */
    notices: jsonb('notices').$type<readonly RolloutNotice[]>().notNull().default([]),
    changedAt: moment('changed_at').notNull(),
    changedBy: text('changed_by').notNull(),
  },
  (table) => [index('staged_rollouts_list').on(table.organisationId, table.changedAt)],
);

/** Which machines are meant: those of these groups, and those whom chance picks. */
export interface Audience {
  /** Makes the choice another one for each roll-out. */
  readonly salt: string;
  readonly groups: readonly string[];
  readonly percent: number;
}

export interface RolloutNotice {
  readonly event: 'rollout.ring' | 'rollout.halted' | 'rollout.finished';
  readonly item: Readonly<Record<string, unknown>>;
}

export const rollouts = pgTable(
  'rollouts',
  {
    organisationId: organisationId(),
    updateId: text('update_id').notNull(),
    /** Released to the rings up to this one; -1 to none. */
    ring: integer('ring').notNull(),
    withdrawnAt: moment('withdrawn_at'),
    reason: text('reason'),
    changedAt: moment('changed_at').notNull(),
    changedBy: text('changed_by').notNull(),
    /** While it is on its way by a plan: what that means for machines at present. */
    stagedRolloutId: uuid('staged_rollout_id').references(() => stagedRollouts.id, { onDelete: 'set null' }),
    audience: jsonb('audience').$type<Audience>(),
    takenBack: boolean('taken_back').notNull().default(false),
  },
  (table) => [primaryKey({ columns: [table.organisationId, table.updateId] })],
);

/** One row. Its version is read with every batch of check-ins and tells whether published_updates or rollouts changed. */
export const catalogueState = pgTable('catalogue_state', {
  id: integer('id').primaryKey(),
  version: bigint('version', { mode: 'number' }).notNull(),
});

/** See machine/fleet-history.ts. */
export const fleetSamples = pgTable(
  'fleet_samples',
  {
    organisationId: organisationId(),
    at: moment('at').notNull(),
    figures: jsonb('figures').$type<Omit<FleetSample, 'at'>>().notNull(),
  },
  (table) => [primaryKey({ columns: [table.organisationId, table.at] })],
);

export const webhooks = pgTable('webhooks', {
  id: uuid('id').primaryKey(),
  organisationId: organisationId(),
  url: text('url').notNull(),
  /** Signs what is sent, so it cannot be a hash. */
  secret: text('secret').notNull(),
  events: text('events').array().notNull(),
  createdAt: createdAt(),
  lastStatus: text('last_status'),
  lastAt: moment('last_at'),
});

export const auditLog = pgTable(
  'audit_log',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    organisationId: organisationId(),
    at: createdAt(),
    /** `user NAME`, `token NAME of NAME`, `command line`, `machine UUID`. */
    actor: text('actor').notNull(),
    action: text('action').notNull(),
    subject: text('subject').notNull(),
    detail: jsonb('detail').$type<Readonly<Record<string, unknown>>>().notNull(),
    address: text('address'),
  },
  (table) => [index('audit_log_organisation').on(table.organisationId, table.id)],
);
