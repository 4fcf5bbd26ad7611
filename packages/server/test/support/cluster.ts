// A cluster of Debian's PostgreSQL of a test's own, on a socket in a temporary folder, run by a user that is not root.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, readdirSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Cluster {
  readonly pid: number;
  /** Address of a new, empty database. */
  makeDatabase(): Promise<string>;
  /** Address of a database of that name, new and empty when `isNew`. */
  openDatabase(name: string, isNew: boolean): string;
  /** Killed without a word, and started again on what is on the disk. */
  crash(): Promise<void>;
  stop(): Promise<void>;
}

export interface ClusterOptions {
  /** Flush to the disk; not needed where the machine does not lose its power, as in a test. */
  readonly durable?: boolean;
  /** Stays, with all databases, when the cluster is stopped; a temporary one when left out. */
  readonly home?: string;
}

export async function startCluster({ durable = false, home }: ClusterOptions = {}): Promise<Cluster> {
  if (home !== undefined) await mkdir(home, { recursive: true });
  const folder = home ?? (await mkdtemp(join(tmpdir(), 'resplice-pg-')));
  const binaries = findBinaries();
  const user = otherUser();
  if (user !== undefined) {
    chmodSync(folder, 0o755);
    chownSync(folder, user.uid, user.gid);
  }
  const data = join(folder, 'data');
  const options = {
    ...user,
    cwd: folder,
    stdio: 'ignore' as const,
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  };
  if (!existsSync(data))
    execFileSync(
      join(binaries, 'initdb'),
      ['-D', data, '-U', 'test', '-A', 'trust', '--no-sync', '-E', 'UTF8'],
      options,
    );
  const settings = {
    listen_addresses: "''",
    unix_socket_directories: `'${folder}'`,
    fsync: durable ? 'on' : 'off',
    max_connections: '60',
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
  await writeFile(join(data, 'postgresql.auto.conf'), lines.join(''));
  const socket = join(folder, '.s.PGSQL.5432');
  const start = async (): Promise<ChildProcess> => {
    await rm(socket, { force: true });
    const started = spawn(join(binaries, 'postgres'), ['-D', data], options);
    await waitUntilReady(started, join(binaries, 'pg_isready'), folder);
    return started;
  };
  let child = await start();
  let count = 0;
  const addressOf = (database: string): string =>
    `postgresql://test@${encodeURIComponent(folder)}/${database}`;
  const openDatabase = (name: string, isNew: boolean): string => {
    const run = (program: string, ...args: string[]) =>
      execFileSync(join(binaries, program), ['-h', folder, '-U', 'test', ...args], { stdio: 'ignore' });
    // Only a cluster that stays can have it already.
    if (isNew && home !== undefined) run('dropdb', '--if-exists', name);
    if (isNew) run('createdb', name);
    return addressOf(name);
  };
  return {
    get pid() {
      return child.pid ?? 0;
    },
    async makeDatabase() {
      count += 1;
      return openDatabase(`test_${count}`, true);
    },
    openDatabase,
    async crash() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
      for (let attempt = 1; ; attempt++) {
        try {
          child = await start();
          return;
        } catch (error) {
          // Its children notice within moments that their parent is gone, and hold its memory until then.
          if (attempt === 20) throw error;
          await new Promise((resolve) => setTimeout(resolve, 250));
        }
      }
    },
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGINT');
        await new Promise((resolve) => child.once('exit', resolve));
      }
      if (home === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

function findBinaries(): string {
  const base = '/usr/lib/postgresql';
  const version = existsSync(base) ? readdirSync(base).sort().at(-1) : undefined;
  if (version === undefined) throw new Error('PostgreSQL is not installed; run scripts/setup');
  return join(base, version, 'bin');
}

/** PostgreSQL does not run as root. */
function otherUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const ask = (flag: string): number => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: ask('-u'), gid: ask('-g') };
}

/** The socket is there before connections are accepted: long before, on a busy machine. */
async function waitUntilReady(child: ChildProcess, program: string, folder: string): Promise<void> {
  for (let wait = 0; wait < 600; wait += 1) {
    if (spawnSync(program, ['-q', '-h', folder]).status === 0) return;
    if (child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('PostgreSQL does not start');
}
