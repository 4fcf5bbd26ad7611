// The tables that a backup holds, parents before those that refer to them. Left out: what is worth nothing later (sessions, failed
// attempts) and the queue of messages, which would be sent twice. Jobs of the factory may be done twice.

export const BACKUP_TABLES = [
  'organisations',
  'users',
  'api_tokens',
  'groups',
  'access_keys',
  'patch_levels',
  'machines',
  'machine_reports',
  'machine_events',
  'published_updates',
  'rollout_plans',
  'staged_rollouts',
  'rollouts',
  'fleet_samples',
  'webhooks',
  'audit_log',
  'factory_watches',
  'factory_releases',
  'factory_units',
  'factory_candidates',
  'factory_history',
  'factory_tests',
  'factory_reviews',
  'factory_priorities',
  'factory_jobs',
  'factory_cumulatives',
] as const;

/** Tables with a column `id` that counts by itself. */
export const COUNTED_TABLES = [
  'patch_levels',
  'machine_events',
  'audit_log',
  'factory_history',
  'factory_tests',
  'factory_reviews',
] as const;

export interface BackupManifest {
  readonly format: 1;
  readonly resplice: string;
  readonly createdAt: string;
  /** Hashes of the migrations that the database had. */
  readonly migrations: readonly string[];
  readonly rows: Readonly<Record<string, number>>;
  readonly artefacts: number;
}
