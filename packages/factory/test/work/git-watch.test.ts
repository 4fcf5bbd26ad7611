// A watch of a git repository, with a repository and a database: what is committed after its first look is a release, once.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { factoryReleases, factoryWatches, type Orm, openDatabase } from '@resplice/server/factory';
import { sql } from 'drizzle-orm';
import type { JobContext } from '../../src/job-context.js';
import { watchHandler } from '../../src/work/watch.js';

const KERNEL = '6.1.0-47-amd64=6.1.170-3';
let folder = '';
let database: Awaited<ReturnType<typeof openDatabase>>;
const organisationId = randomUUID();
const watchId = randomUUID();
const repository = () => join(folder, 'linux');

function git(...args: readonly string[]): string {
  const who = ['-c', 'user.name=tester', '-c', 'user.email=tester@example.org'];
  return execFileSync('git', ['-C', repository(), ...who, ...args], { encoding: 'utf8' }).trim();
}

async function commit(text: string): Promise<string> {
  await writeFile(join(repository(), 'file.c'), `${text}\n`);
  git('add', 'file.c');
  git('commit', '-q', '-m', text);
  return git('rev-parse', 'HEAD');
}

async function look(): Promise<readonly (typeof factoryReleases.$inferSelect)[]> {
  const { orm } = database;
  const job = { target: watchId } as JobContext['job'];
  const context = { orm, job, note: () => {}, signal: AbortSignal.timeout(60_000) } as unknown as JobContext;
  const record = await watchHandler.work(context);
  await orm.transaction((transaction) => record(transaction as Orm));
  return orm.select().from(factoryReleases).orderBy(factoryReleases.noticedAt);
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'resplice-watch-'));
  execFileSync('git', ['init', '-q', '-b', 'linux-6.1.y', repository()]);
  database = await openDatabase({ folder: join(folder, 'state') });
  await database.orm.execute(sql`insert into organisations (id, name) values (${organisationId}, 'own')`);
  await database.orm.insert(factoryWatches).values({
    ...{ id: watchId, organisationId, kind: 'git', branch: 'linux-6.1.y', repository: repository() },
    ...{ flavours: [], kernels: [KERNEL], seen: [], everyMinutes: 60, only: ['net/'] },
  });
});
after(async () => {
  await database.close();
  await rm(folder, { recursive: true, force: true });
});

test('commits after the first look are a release, and the same look again brings nothing', async () => {
  const first = await commit('first');
  assert.deepEqual(await look(), [], 'the first look says where to begin');
  assert.deepEqual(await look(), []);
  await commit('second');
  const third = await commit('third');
  const [release, ...rest] = await look();
  assert.deepEqual(rest, []);
  assert.deepEqual(release?.series, { git: { repository: repository(), range: `${first}..${third}` } });
  assert.deepEqual([release?.kernels, release?.only, release?.watchId], [[KERNEL], ['net/'], watchId]);
  assert.equal((await look()).length, 1);
  const fourth = await commit('fourth');
  const [, next] = await look();
  assert.deepEqual(next?.series, { git: { repository: repository(), range: `${third}..${fourth}` } });
});

test('a repository that is not there is a problem of the watch', async () => {
  await database.orm.update(factoryWatches).set({ repository: join(folder, 'gone') });
  await assert.rejects(look());
  const job = { target: watchId } as JobContext['job'];
  await watchHandler.giveUp(database.orm, job, 'no such repository', 'worker test');
  const [watch] = await database.orm.select().from(factoryWatches);
  assert.equal(watch?.problem, 'no such repository');
});
