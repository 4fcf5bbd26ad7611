// A private key at rest: encrypted with a passphrase, its public part in clear, so that lists need no passphrase.
//
// scrypt and AES-256-GCM in a JSON file of our own, and not an encrypted PKCS#8 file: node writes those with 2,048 rounds of
// PBKDF2, which a graphics card tries by the million per second. The public part is authenticated together with the private
// one, so nobody can put another name or key in front of it.

import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  type KeyObject,
  randomBytes,
  scrypt,
} from 'node:crypto';
import { InputError, TrustError, UsageError } from '@resplice/report';
import { z } from 'zod';

/** 128 MiB of memory and most of a second for each guess. */
export const SCRYPT = { N: 2 ** 17, r: 8, p: 1 } as const;
/** Above this a file asks for more memory than any key of ours. */
const MAX_COST = 2 ** 20;
const CIPHER = 'aes-256-gcm';
const SHORTEST = 10;

const Hex = z.string().regex(/^(?:[0-9a-f]{2})+$/);

export const SealedKey = z.strictObject({
  format: z.literal(1),
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,60}$/),
  /** `ed25519` signs metadata; `rsa` signs kernel modules. */
  type: z.enum(['ed25519', 'rsa']),
  created: z.string(),
  /** SubjectPublicKeyInfo, DER. */
  public: Hex,
  /** The certificate that belongs to it, DER; only for keys that sign modules. */
  certificate: Hex.optional(),
  sealed: z.strictObject({
    kdf: z.literal('scrypt'),
    N: z.number().int().min(2).max(MAX_COST).refine(isPowerOfTwo, 'is no power of two'),
    r: z.literal(8),
    p: z.number().int().min(1).max(16),
    salt: Hex,
    cipher: z.literal(CIPHER),
    iv: Hex,
    tag: Hex,
    data: Hex,
  }),
});
export type SealedKey = z.infer<typeof SealedKey>;

export interface KeyDescription {
  readonly name: string;
  readonly type: SealedKey['type'];
  readonly created: Date;
  readonly publicKey: KeyObject;
  readonly certificate?: Uint8Array;
}

/** Throws UsageError `passphrase-too-short`. `cost` is lowered only by tests. */
export async function sealKey(
  description: KeyDescription,
  secret: KeyObject,
  passphrase: string,
  cost: number = SCRYPT.N,
): Promise<SealedKey> {
  if (passphrase.length < SHORTEST) {
    const message = `the passphrase has fewer than ${SHORTEST} characters; take several words`;
    throw new UsageError('passphrase-too-short', message);
  }
  const { name, type, created, publicKey, certificate } = description;
  const open = {
    format: 1 as const,
    name,
    type,
    created: created.toISOString(),
    public: publicKey.export({ type: 'spki', format: 'der' }).toString('hex'),
    ...(certificate === undefined ? {} : { certificate: Buffer.from(certificate).toString('hex') }),
  };
  const [salt, iv] = [randomBytes(16), randomBytes(12)];
  const cipher = createCipheriv(CIPHER, await deriveKey(passphrase, salt, cost, SCRYPT.p), iv);
  cipher.setAAD(bindOpenPart(open));
  const plain = secret.export({ type: 'pkcs8', format: 'der' });
  const data = Buffer.concat([cipher.update(plain), cipher.final()]).toString('hex');
  plain.fill(0);
  const parameters = {
    kdf: 'scrypt',
    N: cost,
    r: SCRYPT.r,
    p: SCRYPT.p,
    salt: salt.toString('hex'),
  } as const;
  const tag = cipher.getAuthTag().toString('hex');
  return { ...open, sealed: { ...parameters, cipher: CIPHER, iv: iv.toString('hex'), tag, data } };
}

/** The private key; undefined when the passphrase is not the one, or the file was altered: the two cannot be told apart. */
export async function unsealKey(key: SealedKey, passphrase: string): Promise<KeyObject | undefined> {
  const { sealed, ...open } = key;
  const secret = await deriveKey(passphrase, Buffer.from(sealed.salt, 'hex'), sealed.N, sealed.p);
  const tag = Buffer.from(sealed.tag, 'hex');
  if (tag.length !== 16) return undefined;
  try {
    const decipher = createDecipheriv(CIPHER, secret, Buffer.from(sealed.iv, 'hex'));
    decipher.setAAD(bindOpenPart(open));
    decipher.setAuthTag(tag);
    const plain = Buffer.concat([decipher.update(Buffer.from(sealed.data, 'hex')), decipher.final()]);
    return createPrivateKey({ key: plain, type: 'pkcs8', format: 'der' });
  } catch {
    // Authentication failed; nothing of the plain text is used.
    return undefined;
  }
}

export function parseSealedKey(bytes: Uint8Array, file: string): SealedKey {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw new InputError('not-a-key', `${file}: is not a key made by "resplice keys make"`, { cause });
  }
  const parsed = SealedKey.safeParse(json);
  if (parsed.success) return parsed.data;
  const message = `${file}: is damaged: ${z.prettifyError(parsed.error)}; take it from your backup`;
  throw new TrustError('key-damaged', message, { context: { file } });
}

function isPowerOfTwo(number: number): boolean {
  return Number.isInteger(Math.log2(number));
}

function bindOpenPart(open: Omit<SealedKey, 'sealed'>): Buffer {
  return Buffer.from(
    JSON.stringify([open.format, open.name, open.type, open.created, open.public, open.certificate ?? '']),
  );
}

function deriveKey(passphrase: string, salt: Buffer, N: number, p: number): Promise<Buffer> {
  const options = { N, r: SCRYPT.r, p, maxmem: 256 * N * SCRYPT.r };
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFC'), salt, 32, options, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}
