// Keys as TUF metadata names them, and signatures over metadata.

import { createHash, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { canonicalize } from '@tufjs/canonical-json';
import {
  Key,
  type Metadata,
  type Root,
  Signature,
  type Snapshot,
  type Targets,
  type Timestamp,
} from '@tufjs/models';
import type { SealedKey } from './sealed-key.js';

export type AnyMetadata = Metadata<Root> | Metadata<Targets> | Metadata<Snapshot> | Metadata<Timestamp>;

/** The public key with its id, which the specification makes of the key itself. */
export function tufKey(publicKey: KeyObject): Key {
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const keyVal = { public: Buffer.from(x, 'base64url').toString('hex') };
  const json = { keytype: 'ed25519', scheme: 'ed25519', keyval: keyVal };
  const keyID = createHash('sha256').update(canonicalize(json)).digest('hex');
  return new Key({ keyID, keyType: json.keytype, scheme: json.scheme, keyVal });
}

export function publicKeyOf(key: SealedKey): KeyObject {
  return createPublicKey({ key: Buffer.from(key.public, 'hex'), type: 'spki', format: 'der' });
}

/** A key that can sign now. */
export interface Signer {
  readonly name: string;
  readonly key: Key;
  readonly secret: KeyObject;
}

/** Adds one signature to the metadata, in place of one that the same key made before. */
export function addSignature(metadata: AnyMetadata, { key, secret }: Signer): void {
  metadata.sign((data) => new Signature({ keyID: key.keyID, sig: sign(null, data, secret).toString('hex') }));
}

/** As it is written, without white space: every machine downloads it. */
export function encodeMetadata(metadata: AnyMetadata): Uint8Array {
  return Buffer.from(JSON.stringify(metadata.toJSON()));
}
