// What the parts of a running server share. Made once by start-server.ts, and by tests.

import type { PasswordCost } from './access/password.js';
import type { ArtefactStore } from './artefact/artefact-store.js';
import type { Database } from './database/database.js';
import type { JobQueue } from './job/job-queue.js';
import type { MailSettings } from './job/mail.js';
import type { Notifier } from './job/notifier.js';
import type { LiveHub } from './live/live-hub.js';
import type { CheckInQueue } from './machine/check-in-queue.js';
import type { PatchLevelIndex } from './machine/patch-level.js';
import type { Metrics } from './metrics.js';
import type { RolloutAlarm } from './rollout/alarm.js';
import type { CatalogueCache } from './update/catalogue.js';
import type { RepositoryWatch } from './update/repository-watch.js';

export interface ServerOptions {
  /** State of the server: the embedded database, artefacts on disk, what was seen of the repository. */
  readonly folder: string;
  /** A PostgreSQL; without one the database is embedded. */
  readonly databaseUrl?: string | undefined;
  readonly host: string;
  readonly port: number;
  /** Address under which machines reach this server; by default what they ask for. */
  readonly publicUrl?: string | undefined;
  /** Folder with `metadata/` and `targets/`, to be served and watched. */
  readonly repository?: string | undefined;
  /** Folder of the built dashboard; without it there is the API alone. */
  readonly site?: string | undefined;
  /** Believe X-Forwarded-For. */
  readonly behindProxy?: boolean;
  /** `s3://ACCESS:SECRET@HOST/BUCKET?region=…`; without it artefacts lie in the folder. */
  readonly artefacts?: string | undefined;
  readonly mail?: MailSettings | undefined;
  /** Do the queue's work in this process too. */
  readonly worker: boolean;
  readonly passwordCost: PasswordCost;
  /** Takes one line of JSON. */
  readonly log: (line: string) => void;
}

export interface Service {
  readonly options: ServerOptions;
  readonly database: Database;
  readonly levels: PatchLevelIndex;
  readonly catalogue: CatalogueCache;
  readonly checkIns: CheckInQueue;
  readonly repository: RepositoryWatch;
  readonly jobs: JobQueue;
  readonly notifier: Notifier;
  readonly alarm: RolloutAlarm;
  readonly live: LiveHub;
  readonly artefacts: ArtefactStore;
  readonly metrics: Metrics;
  now(): Date;
}
