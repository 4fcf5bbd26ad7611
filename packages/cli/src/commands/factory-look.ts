// What the factory has and does: releases, units, one unit, jobs, workers, cumulative updates.

import { setTimeout as wait } from 'node:timers/promises';
import {
  CandidateDetail,
  CandidatePage,
  Cumulative,
  FactoryWorker,
  JobList,
  JobLog,
  Release,
  ReleaseDetail,
} from '@resplice/protocol/factory';
import { z } from 'zod';
import { parsePositive } from '../command.js';
import { findCandidate, newFactoryCommand, openFactoryClient } from '../factory-client.js';
import { renderCandidate, renderCves, renderReleases, renderRows } from '../factory-text.js';
import { done } from '../outcome.js';
import { alignColumns, count, formatBytes } from '../printed-text.js';
import { runSession, writeError } from '../session.js';

const FOLLOW_MS = 1000;

export function factoryReleasesCommand() {
  return newFactoryCommand('releases', 'releases, and what their units have come to', [
    'releases',
    'releases ID',
  ])
    .argument('[id]', 'one release with its table of CVEs')
    .action((id, options) =>
      runSession(options, async ({ signal }) => {
        const client = await openFactoryClient(options, signal);
        if (id !== undefined) {
          const release = await client.get(`releases/${encodeURIComponent(id)}`, ReleaseDetail);
          return done({ release }, [...renderReleases([release]), ...renderCves(release.cveTable)]);
        }
        const { releases } = await client.get('releases', z.object({ releases: z.array(Release) }));
        return done({ releases }, renderReleases(releases));
      }),
    );
}

export function factoryUnitsCommand() {
  return newFactoryCommand('units', 'units of releases by kernel, the most urgent first', [
    'units --state in-review',
    'units --cve CVE-2026-53236',
  ])
    .option('--release <id>', 'of this release')
    .option('--kernel <release>', 'for this kernel')
    .option('--state <state>', 'in this state; several with commas between them')
    .option('--cve <number>', 'that fix this CVE')
    .option('--find <text>', 'with this in the name, a file or a CVE')
    .option('--limit <number>', 'so many', parsePositive, 100)
    .action((options) =>
      runSession(options, async ({ signal }) => {
        const client = await openFactoryClient(options, signal);
        const { release, kernel, state, cve, find: q, limit } = options;
        const wanted = Object.entries({ release, kernel, state, cve, q, limit: `${Math.min(limit, 500)}` });
        const query = new URLSearchParams();
        for (const [key, value] of wanted) if (value !== undefined) query.set(key, value);
        const page = await client.get(`candidates?${query}`, CandidatePage);
        const more = page.total - page.candidates.length;
        return done({ ...page }, [...renderRows(page.candidates), ...(more > 0 ? [`and ${more} more`] : [])]);
      }),
    );
}

export function factoryShowCommand() {
  return newFactoryCommand('show', 'one unit with everything that a decision needs', [
    'show ipc-util-9b6854 --code',
  ])
    .argument('<unit>', 'its name, or the id of the candidate')
    .option('--kernel <release>', 'when several kernels have it')
    .option('--code', 'with the diff, and the disassembly before and after')
    .action((name, options) =>
      runSession(options, async ({ signal }) => {
        const client = await openFactoryClient(options, signal);
        const { id } = await findCandidate(client, name, options.kernel);
        const candidate = await client.get(`candidates/${id}`, CandidateDetail);
        return done({ candidate }, renderCandidate(candidate, options.code === true));
      }),
    );
}

export function factoryJobsCommand() {
  return newFactoryCommand('jobs', 'jobs and workers', ['jobs'])
    .option('--state <state>', 'waiting, running, done, failed or cancelled')
    .action((options) =>
      runSession(options, async ({ signal }) => {
        const client = await openFactoryClient(options, signal);
        const query = options.state === undefined ? '' : `?state=${encodeURIComponent(options.state)}`;
        const { jobs, counts } = await client.get(`jobs${query}`, JobList);
        const { workers } = await client.get('workers', z.object({ workers: z.array(FactoryWorker) }));
        const rows = jobs.map(({ id, kind, state, subject, worker, attempt, progress, problem }) => [
          id,
          kind,
          state,
          subject,
          state === 'running'
            ? `${worker} ${progress?.stage ?? ''}`
            : attempt > 1
              ? `attempt ${attempt}`
              : '',
          problem?.split('\n')[0] ?? '',
        ]);
        return done({ jobs, counts, workers }, [
          ...workers.map(({ name, alive, done: did, failed, kinds }) => {
            const publishes = kinds.includes('publish') ? '' : ', publishes nothing';
            return `worker ${name}: ${alive ? 'alive' : 'silent'}, ${count(did, 'job')} done, ${failed} failed${publishes}`;
          }),
          ...alignColumns([['JOB', 'KIND', 'STATE', 'OF', 'WORKER', 'PROBLEM'], ...rows]),
        ]);
      }),
    );
}

export function factoryLogCommand() {
  return newFactoryCommand('log', 'the log of a job', ['log --follow ID'])
    .argument('<job>')
    .option('--follow', 'go on until the job has ended')
    .action((id, options) =>
      runSession(options, async ({ signal }) => {
        const client = await openFactoryClient(options, signal);
        const pieces: string[] = [];
        for (let from = 0; ; ) {
          const log = await client.get(`jobs/${encodeURIComponent(id)}/log?from=${from}`, JobLog);
          if (options.follow === true && options.json !== true) writeError(log.text);
          else pieces.push(log.text);
          if (log.ended || (log.text === '' && options.follow !== true)) break;
          if (log.text === '') await wait(FOLLOW_MS, undefined, { signal });
          from = log.next;
        }
        const text = pieces.join('');
        return done({ text }, text === '' ? [] : text.trimEnd().split('\n'));
      }),
    );
}

export function factoryPublishedCommand() {
  return newFactoryCommand('published', 'cumulative updates by kernel', ['published']).action((options) =>
    runSession(options, async ({ signal }) => {
      const client = await openFactoryClient(options, signal);
      const { cumulatives } = await client.get('cumulatives', z.object({ cumulatives: z.array(Cumulative) }));
      const rows = cumulatives.map((each) => [
        each.updateId,
        each.kernel.release,
        `${each.number}`,
        each.state,
        count(each.units.length, 'unit'),
        count(each.cves.length, 'CVE'),
        each.length === null ? '' : formatBytes(each.length),
        each.problem?.split('\n')[0] ?? '',
      ]);
      const leftOut = cumulatives.flatMap(({ updateId, leftOut }) =>
        leftOut.map(
          ({ unit, why }) => `${updateId} is without ${unit}: ${why.split('\n').slice(0, 3).join(' ')}`,
        ),
      );
      return done({ cumulatives }, [
        ...alignColumns([['ID', 'KERNEL', 'NUMBER', 'STATE', 'UNITS', 'FIXES', 'SIZE', ''], ...rows]),
        ...leftOut,
      ]);
    }),
  );
}
