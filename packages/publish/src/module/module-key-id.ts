// The name of a module key: serial number and subject key identifier of its certificate, and the end of its file's name.

import { createHash, type KeyObject } from 'node:crypto';

/** 20 bytes of the key's hash, the first between 0x40 and 0x7f: a positive number without leading zeros. */
export function moduleKeyId(publicKey: KeyObject): Buffer {
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const id = createHash('sha256').update(der).digest().subarray(0, 20);
  id[0] = 0x40 | ((id[0] ?? 0) & 0x3f);
  return id;
}
