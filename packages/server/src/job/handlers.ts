import { lt, sql } from 'drizzle-orm';
import type { Database } from '../database/database.js';
import { failedAttempts, machineEvents, sessions } from '../database/schema.js';
import { keepUp } from '../database/upkeep.js';
import { announceSilentWorkers } from '../factory/worker-record.js';
import { sampleFleets, thinSamples } from '../machine/fleet-history.js';
import { PatchLevelIndex, removeUnusedLevels } from '../machine/patch-level.js';
import { advanceRollouts } from '../rollout/advance.js';
import { CatalogueCache } from '../update/catalogue.js';
import type { JobHandlers } from './job-queue.js';
import { type MailSettings, sendMail } from './mail.js';
import type { Notifier } from './notifier.js';
import { deliverWebhook } from './webhook.js';

const DAY_MS = 24 * 3600 * 1000;
/** How long it is remembered what became different on a machine. */
const EVENT_DAYS = 400;

export interface JobContext {
  readonly database: Database;
  readonly mail: MailSettings | undefined;
  readonly notifier: Notifier;
  now(): Date;
}

export function makeJobHandlers({ database, mail, notifier, now }: JobContext): JobHandlers {
  const { orm } = database;
  const fleet = { orm, notifier, levels: new PatchLevelIndex(), catalogue: new CatalogueCache() };
  return {
    webhook: (job) => deliverWebhook(orm, job, now()),
    mail: async (job) => {
      if (mail !== undefined) await sendMail(mail, job);
    },
    tidy: async () => {
      const day = new Date(now().getTime() - DAY_MS);
      await orm.delete(sessions).where(lt(sessions.expiresAt, now()));
      await orm.delete(failedAttempts).where(lt(failedAttempts.lastAt, day));
      const old = new Date(now().getTime() - EVENT_DAYS * DAY_MS).toISOString();
      await orm.delete(machineEvents).where(sql`${machineEvents.at} < ${old}::timestamptz`);
      await thinSamples(orm, now());
      await removeUnusedLevels(orm);
    },
    upkeep: () => keepUp(database),
    sample: () => sampleFleets(fleet, now()),
    rollouts: () => advanceRollouts(fleet, now()),
    workers: () => announceSilentWorkers(orm),
  };
}
