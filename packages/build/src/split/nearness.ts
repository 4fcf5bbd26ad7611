// Where a name of one file can be meant in another.

import { basename, dirname } from 'node:path/posix';

/** arch/arm64 and arch/x86 share no code. */
export function isSameMachine(a: string, b: string): boolean {
  const machine = (path: string) => /^(?:arch|tools\/arch)\/(\w+)\//.exec(path)?.[1];
  const [one, other] = [machine(a), machine(b)];
  return one === undefined || other === undefined || one === other;
}

/** The header lies beside the file, or the file is named after it. */
export function isNear(header: string, user: string): boolean {
  const stem = basename(header, '.h');
  return dirname(header) === dirname(user) || (stem.length > 3 && user.includes(stem));
}
