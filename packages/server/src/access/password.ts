// Passwords of people: scrypt of node itself, 128 MiB and about half a second for each guess. Cost and salt stand in the hash, so that
// both can be raised without anybody having to log in first.

import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { ServiceError } from '../failure.js';

export interface PasswordCost {
  /** log2 of scrypt's N. */
  readonly exponent: number;
}

export const PASSWORD_COST: PasswordCost = { exponent: 17 };
export const SHORTEST_PASSWORD = 12;
export const LONGEST_PASSWORD = 200;

/** Hashes that run at once: each takes 128 MiB. */
const AT_ONCE = 2;
const WAITING = 30;

let running = 0;
const waiting: (() => void)[] = [];

/** `scrypt$17$SALT$KEY` */
export async function hashPassword(
  password: string,
  { exponent }: PasswordCost = PASSWORD_COST,
): Promise<string> {
  const salt = randomBytes(16);
  const key = await derive(password, salt, exponent);
  return ['scrypt', exponent, salt.toString('base64url'), key.toString('base64url')].join('$');
}

/** Takes as long for no user (`undefined`) as for one. Throws ServiceError `server-busy`. */
export async function verifyPassword(
  password: string,
  hash: string | undefined,
  cost: PasswordCost = PASSWORD_COST,
): Promise<boolean> {
  const [, exponent, salt = '', key = ''] = hash?.split('$') ?? [];
  const found = await derive(password, Buffer.from(salt, 'base64url'), Number(exponent ?? cost.exponent));
  const expected = Buffer.from(key, 'base64url');
  return hash !== undefined && expected.length === found.length && timingSafeEqual(expected, found);
}

async function derive(password: string, salt: Buffer, exponent: number): Promise<Buffer> {
  await takeTurn();
  try {
    const options = { N: 2 ** exponent, r: 8, p: 1, maxmem: 2 ** (exponent + 11) };
    return await new Promise((resolve, reject) => {
      scrypt(password.normalize('NFKC'), salt, 32, options, (error, key) =>
        error === null ? resolve(key) : reject(error),
      );
    });
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}

async function takeTurn(): Promise<void> {
  if (waiting.length >= WAITING) throw new ServiceError('server-busy', 'too many log in at once', 5);
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  running += 1;
}
