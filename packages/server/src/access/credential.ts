// Tokens and keys: long random text that is shown once. They cannot be guessed, so a plain hash is enough to keep, and looking one
// up by its hash leaks nothing by its timing.

import { createHash, randomBytes } from 'node:crypto';

/** What a credential is for, as the beginning of its text: people and secret scanners see what they found. */
const PREFIX = { accessKey: 'rsk', machine: 'rsm', api: 'rsa', session: 'rss', webhook: 'rsw' } as const;

export function makeCredential(kind: Exclude<keyof typeof PREFIX, 'machine'>): string {
  return `${PREFIX[kind]}_${randomBytes(24).toString('base64url')}`;
}

/** Says which machine it belongs to, so that a batch of check-ins is looked up by primary key. */
export function makeMachineToken(machine: string): string {
  const id = Buffer.from(machine.replaceAll('-', ''), 'hex');
  return `${PREFIX.machine}_${Buffer.concat([id, randomBytes(24)]).toString('base64url')}`;
}

/** The machine that a token claims to be of; undefined when it is none. */
export function findClaimedMachine(token: string): string | undefined {
  const text = /^rsm_([A-Za-z0-9_-]{54})$/.exec(token)?.[1];
  if (text === undefined) return undefined;
  const hex = Buffer.from(text, 'base64url').subarray(0, 16).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

export function hashCredential(text: string): string {
  return createHash('sha256').update(text).digest('base64url');
}
