// Where a name of one file can be meant in another.

import { basename, dirname } from 'node:path/posix';

/** arch/arm64 and arch/x86 share no code, nor do the kernel and the programs beside it. */
export function isSameBuild(a: string, b: string): boolean {
  const programs = (path: string) => /^(?:tools|samples)\//.test(path);
  const machine = (path: string) => /^(?:arch|tools\/arch)\/(\w+)\//.exec(path)?.[1];
  const [one, other] = [machine(a), machine(b)];
  return programs(a) === programs(b) && (one === undefined || other === undefined || one === other);
}

/** The header lies beside or above the file, or is one for all that the file's path names: include/net/bluetooth/x.h, include/linux/fs.h. */
export function isNear(header: string, user: string): boolean {
  const home = dirname(header);
  if (home === dirname(user) || dirname(user).startsWith(`${home}/`)) return !SHARED.has(home);
  if (!/(?:^|\/)include\//.test(header)) return false;
  const parts = user
    .replace(/\.\w+$/, '')
    .replaceAll('_', '-')
    .split('/');
  const topic = basename(home);
  if (!GENERAL.has(topic)) return parts.includes(topic.replaceAll('_', '-'));
  const stem = basename(header, '.h').replaceAll('_', '-');
  return stem.length > 3 && parts.some((part) => part === stem || part.startsWith(`${stem}-`));
}

/** Directories whose headers have nothing in common. */
const GENERAL = new Set([
  'include',
  'linux',
  'net',
  'uapi',
  'asm',
  'asm-generic',
  'events',
  'trace',
  'sound',
  'media',
  'generated',
]);
const SHARED = new Set(['include', 'include/linux', 'include/uapi/linux', 'include/net']);
