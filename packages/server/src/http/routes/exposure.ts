// The one question that anybody may ask.

import { EXPOSURE_PATH, Exposure, ExposureQuery } from '@resplice/protocol/console';
import { and, eq, inArray } from 'drizzle-orm';
import { networkOf, RateLimit } from '../../access/rate-limit.js';
import type { Orm } from '../../database/database.js';
import { organisations } from '../../database/schema.js';
import { factoryReleases, factoryUnits } from '../../factory/tables.js';
import { notFound } from '../../failure.js';
import type { Service } from '../../service.js';
import { findExposure, type KnownRelease } from '../../update/exposure.js';
import type { App } from '../app.js';
import { answers } from '../route-parts.js';

/** What the factory knows is read again after this time. */
const FRESH_MS = 60_000;

export function addExposureRoutes(app: App, service: Service): void {
  const { orm } = service.database;
  let known: { at: number; ids: string; releases: readonly KnownRelease[] } | undefined;
  const limit = new RateLimit({ burst: 30, perMinute: 30 });

  app.get(
    EXPOSURE_PATH,
    {
      config: { need: 'public' },
      schema: {
        summary:
          'what is known of a stock kernel: CVEs with an update that needs no reboot, and those without',
        security: [],
        querystring: ExposureQuery,
        response: answers(Exposure, 'not-found', 'too-many-requests'),
      },
    },
    async (request) => {
      limit.assertFree(networkOf(request.ip), service.now().getTime());
      const open = await orm
        .select({ id: organisations.id })
        .from(organisations)
        .where(eq(organisations.publicExposure, true));
      if (open.length === 0) throw notFound('public page on this server');
      const ids = open.map(({ id }) => id);
      const now = service.now().getTime();
      if (known === undefined || now - known.at > FRESH_MS || known.ids !== ids.join())
        known = { at: now, ids: ids.join(), releases: await readKnownReleases(orm, ids) };
      return findExposure(await service.catalogue.get(orm), known.releases, request.query);
    },
  );
}

/** Releases of the distribution that were split, and the CVEs that are surely or likely fixed in them. */
async function readKnownReleases(
  orm: Orm,
  organisationIds: readonly string[],
): Promise<readonly KnownRelease[]> {
  const releases = await orm
    .select({ id: factoryReleases.id, from: factoryReleases.fromVersion, to: factoryReleases.toVersion })
    .from(factoryReleases)
    .where(
      and(
        eq(factoryReleases.source, 'debian'),
        eq(factoryReleases.state, 'ready'),
        inArray(factoryReleases.organisationId, [...organisationIds]),
      ),
    );
  const units =
    releases.length === 0
      ? []
      : await orm
          .select({ releaseId: factoryUnits.releaseId, cves: factoryUnits.cves })
          .from(factoryUnits)
          .where(
            inArray(
              factoryUnits.releaseId,
              releases.map(({ id }) => id),
            ),
          );
  return releases.map(({ id, from, to }) => {
    const ties = units.filter(({ releaseId }) => releaseId === id).flatMap(({ cves }) => cves);
    return {
      from,
      to,
      cves: ties.filter(({ confidence }) => confidence !== 'possible').map(({ cve }) => cve),
    };
  });
}
