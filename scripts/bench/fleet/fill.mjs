// A fleet in a database: 100,000 machines on twelve kernel builds with thirty updates each, of which they have more or less; a tenth of them
// complains, all have tags, half a group. Written as rows, because registering them one by one would be most of the time.

import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { hashCredential, makeMachineToken } from '../../../packages/server/dist/src/access/credential.js';
import { runAdmin } from '../../../packages/server/dist/src/admin/operation.js';
import { openDiskStore } from '../../../packages/server/dist/src/artefact/disk-store.js';
import { openDatabase } from '../../../packages/server/dist/src/database/open-database.js';
import { hashReport } from '../../../packages/server/dist/src/machine/check-in-batch.js';
import { hashPatchLevel, patchLevelOf } from '../../../packages/server/dist/src/machine/patch-level.js';
import { TestRepository } from '../../../packages/server/dist/test/support/test-repository.js';

const BUILDS = 12;
const UPDATES = 30;
const ROWS = 2000;

export async function fillFleet(state, url, count) {
  const repository = join(state, 'site');
  const kernels = Array.from({ length: BUILDS }, (_, at) => ({
    release: `6.1.0-${40 + at}-amd64`,
    version: `6.1.${160 + at}-1`,
    buildId: at.toString(16).padStart(40, '0'),
    architecture: 'x86_64',
    flavour: 'amd64',
  }));
  const updates = kernels.flatMap(({ release, version, buildId }) =>
    Array.from({ length: UPDATES }, (_, at) => ({
      id: `update_${at}`,
      cves: [`CVE-2026-${10_000 + at}`],
      kernel: { release, version, buildId },
    })),
  );
  await TestRepository.make(repository, updates);
  const database = await openDatabase({ folder: state, url: url === '' ? undefined : url });
  const context = {
    database,
    artefacts: openDiskStore(join(state, 'artefacts')),
    passwordCost: { exponent: 10 },
  };
  await runAdmin(context, {
    operation: 'add-organisation',
    name: 'bench',
    administrator: 'admin',
    password: 'a long password',
  });
  const [{ id: organisation }] = await database.run("select id from organisations where name = 'bench'", []);
  const [{ id: user }] = await database.run("select id from users where name = 'admin'", []);
  const session = `rss_${randomBytes(24).toString('base64url')}`;
  await database.run(
    "insert into sessions (hash, user_id, expires_at) values ($1, $2, now() + interval '1 day')",
    [hashCredential(session), user],
  );
  const group = randomUUID();
  await database.run("insert into groups (id, organisation_id, name, ring) values ($1, $2, 'web', 3)", [
    group,
    organisation,
  ]);

  const levels = new Map();
  const machines = [];
  for (let from = 0; from < count; from += ROWS) {
    const rows = [];
    for (let at = from; at < Math.min(count, from + ROWS); at += 1) {
      const machine = makeMachine(at, kernels);
      machines.push(machine);
      const level = patchLevelOf(machine.report);
      const hash = hashPatchLevel(level);
      if (!levels.has(hash)) levels.set(hash, await addLevel(database, organisation, hash, level));
      rows.push({
        ...machine.identity,
        id: machine.id,
        token: hashCredential(machine.token),
        group: at % 2 === 0 ? group : null,
        tags: [`rack-${at % 500}`, at % 3 === 0 ? 'production' : 'test'],
        hostname: machine.report.hostname,
        health: machine.report.health.state,
        level: levels.get(hash),
        boot: machine.report.bootId,
        hash: hashReport(machine.report),
        report: machine.report,
      });
    }
    const text = JSON.stringify(rows);
    await database.run(
      `insert into machines (id, organisation_id, group_id, token_hash, machine_id, fingerprint, state, tags, hostname, client, health,
         patch_level_id, registered_at, last_seen_at, boot_id, uptime_seconds, report_hash)
       select x.id, $2, x.group, x.token, x."machineId", x.fingerprint, 'active', x.tags, x.hostname, '0.1.0', x.health, x.level, now(), now(),
         x.boot, 0, x.hash
       from jsonb_to_recordset($1::jsonb) as x(id uuid, "group" uuid, token text, "machineId" text, fingerprint text, tags text[],
         hostname text, health text, level bigint, boot text, hash text)`,
      [text, organisation],
    );
    await database.run(
      'insert into machine_reports (machine_id, at, report) select x.id, now(), x.report from jsonb_to_recordset($1::jsonb) as x(id uuid, report jsonb)',
      [text],
    );
  }
  await database.run('vacuum analyze', []);
  await database.close();
  return { machines, session, repository };
}

function makeMachine(at, kernels) {
  const id = randomUUID();
  const kernel = kernels[at % kernels.length];
  const have = UPDATES - (at % 7);
  const since = '2026-11-25T10:00:00Z';
  return {
    id,
    token: makeMachineToken(id),
    sequence: 0,
    identity: { machineId: randomBytes(32).toString('hex'), fingerprint: randomBytes(32).toString('hex') },
    report: {
      client: '0.1.0',
      kernel,
      bootId: randomUUID(),
      uptimeSeconds: 0,
      effective: { release: '6.1.176-1', cvesFixed: have, cvesOpen: UPDATES - have },
      updates: Array.from({ length: have }, (_, update) => ({
        id: `update_${update}`,
        engine: 'livepatch',
        state: 'applied',
        since,
      })),
      health: { state: at % 10 === 0 ? 'bad' : 'good', complaints: [] },
      disabled: null,
      lastReboot: since,
      hostname: `host-${at}.example.org`,
    },
  };
}

async function addLevel(database, organisation, hash, level) {
  const [{ id }] = await database.run(
    `insert into patch_levels (organisation_id, hash, kernel_release, kernel_version, build_id, architecture, flavour, effective_release,
       cves_fixed, cves_open, updates) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb) returning id`,
    [
      organisation,
      hash,
      level.kernelRelease,
      level.kernelVersion,
      level.buildId,
      level.architecture,
      level.flavour,
      level.effectiveRelease,
      level.cvesFixed,
      level.cvesOpen,
      JSON.stringify(level.updates),
    ],
  );
  return Number(id);
}
