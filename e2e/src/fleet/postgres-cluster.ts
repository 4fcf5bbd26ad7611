// Debian's PostgreSQL with a database of the test's own, on a socket in a temporary folder, run by a user that is not root. It flushes to the disk as one
// in earnest does.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PROGRAMS = '/usr/lib/postgresql';
const START_SECONDS = 60;

export class PostgresCluster {
  private constructor(
    private child: ChildProcess,
    private readonly folder: string,
    private readonly bin: string,
    private readonly serve: () => ChildProcess,
  ) {}

  static async start(): Promise<PostgresCluster> {
    const folder = await mkdtemp(join(tmpdir(), 'resplice-fleet-pg-'));
    const version = existsSync(PROGRAMS) ? readdirSync(PROGRAMS).sort().at(-1) : undefined;
    if (version === undefined) throw new Error('PostgreSQL is not installed; run scripts/setup');
    const bin = join(PROGRAMS, version, 'bin');
    const user = otherUser();
    chmodSync(folder, 0o755);
    if (user !== undefined) chownSync(folder, user.uid, user.gid);
    const options = {
      ...user,
      cwd: folder,
      stdio: 'ignore' as const,
      env: { ...process.env, LC_ALL: 'C.UTF-8' },
    };
    const data = join(folder, 'data');
    execFileSync(join(bin, 'initdb'), ['-D', data, '-U', 'resplice', '-A', 'trust', '-E', 'UTF8'], options);
    const settings = ['-c', 'listen_addresses=', '-c', `unix_socket_directories=${folder}`];
    const serve = () => spawn(join(bin, 'postgres'), ['-D', data, ...settings], options);
    const cluster = new PostgresCluster(serve(), folder, bin, serve);
    await cluster.#until('createdb', ['-h', folder, '-U', 'resplice', 'resplice']);
    return cluster;
  }

  /** Killed without a word, and started again on what is on the disk. */
  async killAndStart(): Promise<void> {
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
    await this.#until('psql', ['-h', this.folder, '-U', 'resplice', '-c', 'select 1', 'resplice']);
  }

  /** Tries until the program succeeds, and starts the server where its killed predecessor's children did not let it come up. */
  async #until(program: string, args: readonly string[]): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) this.child = this.serve();
      try {
        execFileSync(join(this.bin, program), args, { stdio: 'ignore' });
        return;
      } catch (error) {
        if (tries >= START_SECONDS * 2) throw error;
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
    }
  }

  /** As in DATABASE_URL. */
  get url(): string {
    return `postgresql://resplice@${encodeURIComponent(this.folder)}/resplice`;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const closed = once(this.child, 'exit');
      this.child.kill('SIGINT');
      await closed;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** PostgreSQL does not run as root. */
function otherUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const ask = (flag: string): number => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }));
  return { uid: ask('-u'), gid: ask('-g') };
}
