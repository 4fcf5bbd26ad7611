// What is worked on first: units with CVEs that are exploited, then those of high severity. The server asks nobody on the network; an
// operator imports what he has, in one of three forms.

import type { Priority, PriorityImported } from '@resplice/protocol/factory';
import { type SQL, sql } from 'drizzle-orm';
import { z } from 'zod';
import { type Author, entryOf, writeAudit } from '../audit.js';
import { type Orm, selectRows } from '../database/database.js';
import { ServiceError } from '../failure.js';
import { factoryPriorities } from './tables.js';

const CVE = /^CVE-\d{4}-\d{4,}$/;
const CHUNK = 500;

/** CISA's catalogue of known exploited vulnerabilities. */
const Kev = z.object({ vulnerabilities: z.array(z.object({ cveID: z.string() })) });
const Metric = z.array(z.object({ cvssData: z.object({ baseSeverity: z.string() }) }));
/** NVD's API 2.0. */
const Nvd = z.object({
  vulnerabilities: z.array(
    z.object({
      cve: z.object({
        id: z.string(),
        cisaExploitAdd: z.string().optional(),
        metrics: z
          .object({ cvssMetricV40: Metric, cvssMetricV31: Metric, cvssMetricV30: Metric })
          .partial()
          .optional(),
      }),
    }),
  ),
});

/** Throws ServiceError `request-malformed`. */
export function parsePriorities(text: string): readonly Priority[] {
  const found = text.trimStart().startsWith('{') ? parseJson(text) : parseCsv(text);
  const known = found.filter(({ cve }) => CVE.test(cve));
  if (known.length > 0) return known;
  const message =
    'no CVE was found; expected CSV with the columns cve, severity, exploited, or the JSON of the KEV catalogue or of the NVD API 2.0';
  throw new ServiceError('request-malformed', message);
}

function parseJson(text: string): readonly Priority[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ServiceError('request-malformed', 'the JSON is damaged; download it again');
  }
  const kev = Kev.safeParse(value);
  if (kev.success)
    return kev.data.vulnerabilities.map(({ cveID }) => ({ cve: cveID, severity: null, exploited: true }));
  const nvd = Nvd.safeParse(value);
  if (!nvd.success) return [];
  return nvd.data.vulnerabilities.map(({ cve: { id, metrics, cisaExploitAdd } }) => {
    const [metric] = [
      ...(metrics?.cvssMetricV40 ?? []),
      ...(metrics?.cvssMetricV31 ?? []),
      ...(metrics?.cvssMetricV30 ?? []),
    ];
    return {
      cve: id,
      severity: severityOf(metric?.cvssData.baseSeverity),
      exploited: cisaExploitAdd !== undefined,
    };
  });
}

function parseCsv(text: string): readonly Priority[] {
  const [head = '', ...lines] = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  const columns = cells(head).map((name) => name.toLowerCase());
  const at = (line: readonly string[], name: string): string | undefined => line[columns.indexOf(name)];
  if (!columns.includes('cve')) return [];
  return lines.map(cells).map((line) => ({
    cve: at(line, 'cve')?.toUpperCase() ?? '',
    severity: severityOf(at(line, 'severity')),
    exploited: /^(?:1|y|yes|true)$/i.test(at(line, 'exploited') ?? ''),
  }));
}

function cells(line: string): readonly string[] {
  return line.split(/[,;\t]/).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'));
}

function severityOf(text: string | undefined): Priority['severity'] {
  return z.enum(['critical', 'high', 'medium', 'low']).safeParse(text?.toLowerCase()).data ?? null;
}

/** What is not said of a CVE stays as it was; exploited stays exploited. */
export async function importPriorities(orm: Orm, author: Author, text: string): Promise<PriorityImported> {
  const { organisationId } = author.principal;
  const found = [...new Map(parsePriorities(text).map((each) => [each.cve, each])).values()];
  return orm.transaction(async (transaction) => {
    for (let start = 0; start < found.length; start += CHUNK) {
      const rows = found
        .slice(start, start + CHUNK)
        .map((each) => ({ ...each, organisationId, importedAt: sql`now()` }));
      await transaction
        .insert(factoryPriorities)
        .values(rows)
        .onConflictDoUpdate({
          target: [factoryPriorities.organisationId, factoryPriorities.cve],
          set: {
            severity: sql`coalesce(excluded.severity, ${factoryPriorities.severity})`,
            exploited: sql`${factoryPriorities.exploited} or excluded.exploited`,
            importedAt: sql`now()`,
          },
        });
    }
    const moved = await selectRows(
      transaction,
      sql`update factory_candidates c set priority = p.value
          from (select c2.id, ${priorityOf(sql`u.cves`, organisationId)} value
                from factory_candidates c2 join factory_units u on u.id = c2.unit_id
                where c2.organisation_id = ${organisationId}) p
          where p.id = c.id and p.value <> c.priority returning c.id`,
    );
    await transaction.execute(
      sql`update factory_jobs j set priority = c.priority from factory_candidates c
          where c.id = j.candidate_id and j.state = 'waiting' and j.organisation_id = ${organisationId}`,
    );
    const detail = { imported: found.length, moved: moved.length };
    await writeAudit(transaction, entryOf(author, 'priorities.import', `${found.length} CVEs`, detail));
    return detail;
  });
}

/** Of a unit by its CVEs: exploited before all others, then by the worst severity; a CVE of which nothing is known before none. */
export function priorityOf(cves: SQL, organisationId: string): SQL {
  return sql`coalesce((
    select max((case when p.exploited then 1000 else 0 end)
      + (case p.severity when 'critical' then 400 when 'high' then 300 when 'medium' then 200 when 'low' then 100 else 50 end))
    from jsonb_array_elements(${cves}) t
    left join factory_priorities p on p.organisation_id = ${organisationId} and p.cve = t->>'cve'), 0)::int`;
}
