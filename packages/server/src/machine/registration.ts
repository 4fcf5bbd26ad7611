// A machine becomes known, or known again. What registering again keeps is decided by the unique identity in the table: whoever was
// denied stays denied, and a pending machine does not become active by asking twice.

import { randomUUID } from 'node:crypto';
import type { MachineState, RegisterRequest } from '@resplice/protocol';
import { sql } from 'drizzle-orm';
import { hashCredential, makeMachineToken } from '../access/credential.js';
import { type Orm, selectRows } from '../database/database.js';
import { ServiceError } from '../failure.js';
import { announce } from '../live/announcement.js';
import { hashReport, writeEvents } from './check-in-batch.js';
import { hashPatchLevel, type PatchLevelIndex, patchLevelOf, type ResolvedLevels } from './patch-level.js';

export interface Registered {
  readonly machine: string;
  readonly token: string;
  readonly organisationId: string;
  readonly state: MachineState;
  readonly repositoryUrl: string | null;
  readonly checkInSeconds: number;
  readonly again: boolean;
}

interface KeyRow {
  readonly id: string;
  readonly organisationId: string;
  readonly groupId: string | null;
  readonly tags: readonly string[];
  readonly newMachines: 'active' | 'pending';
  readonly repositoryUrl: string | null;
  readonly checkInSeconds: number;
}

/** Throws ServiceError `access-key-refused`. */
export async function registerMachine(
  orm: Orm,
  levels: PatchLevelIndex,
  { accessKey, identity, report }: RegisterRequest,
  now: Date,
): Promise<Registered> {
  let resolved: ResolvedLevels | undefined;
  const registered = await orm.transaction(async (transaction) => {
    const key = await useKey(transaction, accessKey, now);
    const level = patchLevelOf(report);
    const hash = hashPatchLevel(level);
    resolved = await levels.resolve(transaction, [{ organisationId: key.organisationId, hash, level }]);
    const fresh = randomUUID();
    const at = now.toISOString();
    const tags = sql`${sql.param([...key.tags])}::text[]`;
    const [row] = await selectRows<{ id: string; state: MachineState }>(
      transaction,
      sql`insert into machines (id, organisation_id, group_id, access_key_id, token_hash, machine_id, fingerprint, state, tags,
            hostname, client, health, disabled, patch_level_id, registered_at, last_seen_at, boot_id, uptime_seconds, report_hash)
          values (${fresh}, ${key.organisationId}, ${key.groupId}, ${key.id}, '', ${identity.machineId}, ${identity.fingerprint},
            ${key.newMachines}, ${tags}, ${report.hostname ?? null}, ${report.client}, ${report.health.state}, ${report.disabled},
            ${resolved.find(key.organisationId, hash)}, ${at}, ${at}, ${report.bootId}, ${report.uptimeSeconds}, ${hashReport(report)})
          on conflict (organisation_id, machine_id, fingerprint) do update set
            access_key_id = excluded.access_key_id, hostname = excluded.hostname, client = excluded.client, health = excluded.health,
            disabled = excluded.disabled, patch_level_id = excluded.patch_level_id, last_seen_at = excluded.last_seen_at,
            boot_id = excluded.boot_id, uptime_seconds = excluded.uptime_seconds, report_hash = excluded.report_hash,
            sequence = 0, nonce = '', conflict = null, conflict_at = null
          returning id, state`,
    );
    if (row === undefined) throw new Error('a registration wrote no row');
    const token = makeMachineToken(row.id);
    await transaction.execute(
      sql`update machines set token_hash = ${hashCredential(token)} where id = ${row.id}`,
    );
    await transaction.execute(
      sql`insert into machine_reports (machine_id, at, report) values (${row.id}, ${at}, ${JSON.stringify(report)}::jsonb)
          on conflict (machine_id) do update set at = excluded.at, report = excluded.report`,
    );
    const again = row.id !== fresh;
    const kind = again ? 'registered-again' : 'registered';
    await writeEvents(transaction, [{ id: row.id, event: { kind, detail: { accessKey: key.id } } }], at);
    const { organisationId, repositoryUrl, checkInSeconds } = key;
    await announce(transaction, organisationId, 'machines', [row.id]);
    return { machine: row.id, token, organisationId, state: row.state, repositoryUrl, checkInSeconds, again };
  });
  if (resolved !== undefined) levels.remember(resolved);
  return registered;
}

async function useKey(orm: Pick<Orm, 'execute'>, accessKey: string, now: Date): Promise<KeyRow> {
  const at = now.toISOString();
  const [key] = await selectRows<KeyRow>(
    orm,
    sql`update access_keys k set uses = k.uses + 1 from organisations o
        where k.hash = ${hashCredential(accessKey)} and o.id = k.organisation_id and k.revoked_at is null
          and (k.expires_at is null or k.expires_at > ${at}::timestamptz) and (k.max_uses is null or k.uses < k.max_uses)
        returning k.id, k.organisation_id "organisationId", k.group_id "groupId", k.tags, o.new_machines "newMachines",
          o.repository_url "repositoryUrl", o.check_in_seconds "checkInSeconds"`,
  );
  if (key !== undefined) return key;
  const message =
    'the access key is unknown, revoked, expired or used up; ask the administrator of the server for a new one';
  throw new ServiceError('access-key-refused', message);
}
