// Asking for the next cumulative update of a kernel.

import { sql } from 'drizzle-orm';
import { type Author, entryOf, writeAudit } from '../audit.js';
import { type Orm, selectRows } from '../database/database.js';
import { ServiceError } from '../failure.js';
import { addJob } from './job-queue.js';

const FIRST = 4000;

/** Kernels that get one. Throws ServiceError `conflict` when there is nothing new for any. */
export async function requestPublication(
  orm: Orm,
  author: Author,
  wanted: readonly string[] | undefined,
): Promise<readonly string[]> {
  const { organisationId } = author.principal;
  const changed = await listChangedKernels(orm, organisationId);
  const kernels = wanted === undefined ? changed : changed.filter((kernel) => wanted.includes(kernel));
  if (kernels.length === 0)
    throw new ServiceError('conflict', 'nothing was approved or withdrawn since the last cumulative update');
  await orm.transaction(async (transaction) => {
    for (const kernel of kernels) {
      const job = { kind: 'publish', target: kernel, subject: kernel, kernel, priority: FIRST } as const;
      await addJob(transaction, { ...job, organisationId });
    }
    await writeAudit(transaction, entryOf(author, 'factory.publish', kernels.join(', ')));
  });
  return kernels;
}

/** RELEASE=VERSION of those with something approved that is not published, or withdrawn that still is. */
async function listChangedKernels(orm: Orm, organisationId: string): Promise<readonly string[]> {
  const rows = await selectRows<{ kernel: string }>(
    orm,
    sql`select distinct c.kernel_release || '=' || c.kernel_version kernel from factory_candidates c
        where c.organisation_id = ${organisationId} and (c.state = 'approved' or c.state = 'withdrawn' and exists (
          select from factory_cumulatives n
          where n.organisation_id = c.organisation_id and n.kernel_release = c.kernel_release
            and n.kernel_version = c.kernel_version and n.state = 'published' and n.candidates ? c.id::text
            and not exists (select from factory_cumulatives later where later.organisation_id = n.organisation_id
              and later.kernel_release = n.kernel_release and later.kernel_version = n.kernel_version
              and later.state = 'published' and later.number > n.number)))
        order by 1`,
  );
  return rows.map(({ kernel }) => kernel);
}
