// Every change that a person, a token or the command line makes is written down in the same transaction.

import type { Principal } from './access/principal.js';
import type { Orm } from './database/database.js';
import { auditLog } from './database/schema.js';

export interface AuditEntry {
  readonly organisationId: string;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly detail?: Readonly<Record<string, unknown>>;
  readonly address?: string | undefined;
}

/** Who changes something, and from where. */
export interface Author {
  readonly principal: Principal;
  readonly address: string;
}

/** What an author has done, to be written down. */
export function entryOf(
  { principal: { organisationId, actor }, address }: Author,
  action: string,
  subject: string,
  detail: AuditEntry['detail'] = {},
): AuditEntry {
  return { organisationId, actor, action, subject, detail, address };
}

export async function writeAudit(orm: Pick<Orm, 'insert'>, entry: AuditEntry): Promise<void> {
  const { detail = {}, address = null, ...rest } = entry;
  await orm.insert(auditLog).values({ ...rest, detail, address });
}
