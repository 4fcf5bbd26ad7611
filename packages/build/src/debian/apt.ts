// The machine's own apt is the only way to Debian: it knows the mirrors, proxies and keys, and checks the signature of the
// package lists whose SHA256 sums we then hold every download to. Rejected: reading mirrors or snapshot.debian.org ourselves.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EnvironmentError, TrustError } from '@resplice/report';
import { runCommand } from './command.js';
import { type PackageRecord, parsePackageRecords } from './control-record.js';

export interface DownloadOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called now and then with the bytes that have arrived. */
  readonly onBytes?: (bytes: number) => void;
}

export interface Apt {
  /** Every version on offer of the packages whose whole name matches the pattern (POSIX extended). */
  readonly show: (pattern: string) => Promise<readonly PackageRecord[]>;
  /** Downloads exactly this version into `directory` and returns the verified .deb's path. */
  readonly download: (record: PackageRecord, directory: string, options?: DownloadOptions) => Promise<string>;
}

const POLL_MS = 250;

export function systemApt(): Apt {
  return { show: showPackages, download: downloadPackage };
}

/**
 * Asks the archive what it offers now. Only root may, and another apt may be at it; what is known already stays then.
 * @returns why the lists are as old as they were; undefined when they are new
 */
export async function refreshPackageLists(signal?: AbortSignal): Promise<string | undefined> {
  if (process.getuid?.() !== 0)
    return 'only root can have apt ask the archive; what it offers is as new as the last `apt-get update` here';
  const patience = ['-o', 'Acquire::http::Timeout=30', '-o', 'Acquire::Retries=1'];
  const strict = ['-o', 'APT::Update::Error-Mode=any'];
  try {
    await runCommand('apt-get', ['-qq', ...patience, ...strict, 'update'], { signal });
    return undefined;
  } catch (error) {
    signal?.throwIfAborted();
    return error instanceof Error ? error.message : String(error);
  }
}

async function showPackages(pattern: string): Promise<readonly PackageRecord[]> {
  // apt-cache fails with 100 when nothing matches: that is an answer.
  const result = await runCommand('apt-cache', ['show', `?name("^${pattern}$")`], { statuses: [100] });
  return parsePackageRecords(result.stdout);
}

async function downloadPackage(
  record: PackageRecord,
  directory: string,
  options: DownloadOptions = {},
): Promise<string> {
  const version = record.version.replaceAll(':', '%3a');
  const file = join(directory, `${record.name}_${version}_${record.architecture}.deb`);
  const watch = setInterval(() => {
    // apt renames FILE.FAILED/partial into FILE when complete; a file that is not there yet has no size.
    void sizeOf(file).then((bytes) => options.onBytes?.(bytes));
  }, POLL_MS);
  try {
    // As root apt drops to the user _apt, which may not write here, and warns; the directory is ours, so root fetches.
    await runCommand(
      'apt-get',
      [
        '-qq',
        '-o',
        'APT::Sandbox::User=root',
        'download',
        `${record.name}:${aptArchitecture(record)}=${record.version}`,
      ],
      { directory, signal: options.signal },
    );
  } catch (error) {
    throw new EnvironmentError(
      'download-failed',
      `cannot download ${record.name} ${record.version}: ${error instanceof Error ? error.message : String(error)}; ` +
        'check the network, then run `apt-get update` in case the mirror has moved on',
      { context: { package: record.name, version: record.version }, cause: error },
    );
  } finally {
    clearInterval(watch);
  }
  await checkDigest(file, record);
  options.onBytes?.(record.size);
  return file;
}

function aptArchitecture(record: PackageRecord): string {
  return record.architecture === 'all' ? 'native' : record.architecture;
}

async function checkDigest(file: string, record: PackageRecord): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  const found = hash.digest('hex');
  if (found === record.sha256) return;
  throw new TrustError(
    'download-altered',
    `${record.name} ${record.version}: the downloaded file has SHA256 ${found}, the signed package list says ${record.sha256}; ` +
      'the mirror or the network altered it: try again or use another mirror',
    { context: { package: record.name, version: record.version } },
  );
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch {
    // Not there yet: nothing has arrived.
    return 0;
  }
}

/** Debian's name of this machine's architecture, for example `amd64`. */
export async function readNativeArchitecture(): Promise<string> {
  const result = await runCommand('dpkg', ['--print-architecture']);
  return result.stdout.trim();
}

/** The running kernel as the kernel tells it: release (`uname -r`) and the build line that carries Debian's version. */
export async function readRunningKernel(): Promise<{ readonly release: string; readonly build: string }> {
  const [release, build] = await Promise.all([
    readFile('/proc/sys/kernel/osrelease', 'utf8'),
    readFile('/proc/sys/kernel/version', 'utf8'),
  ]);
  return { release: release.trim(), build: build.trim() };
}
