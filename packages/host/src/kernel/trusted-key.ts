// Whose signatures the kernel knows. /proc/keys lists the keys of all its keyrings that this user may see, one a line; those
// that come from certificates end like
//
//   asymmetri Debian Secure Boot CA: 6ccece7e4c6c0d1f6149f3dd27dfcc5cbb419ea1: X509.rsa bb419ea1 []
//
// with the subject, and the certificate's key identifier, or its serial number when it has none (x509_key_preparse in
// crypto/asymmetric_keys/x509_public_key.c). Which keyring a key is in is not told, so a key found here may still not count
// for modules; one that is not found certainly does not.

import type { ModuleSigner } from '@resplice/update';
import { type Machine, readText } from '../machine/machine.js';

export interface TrustedKey {
  /** `Organization: Common name`, or one of them. */
  readonly subject: string;
  /** Hexadecimal. */
  readonly id: string;
}

const LINE = /\basymmetri (.+): ([0-9a-f]+): X509\./;

/** Undefined when no such key can be seen: then nothing can be said about any. */
export function readTrustedKeys(machine: Machine): readonly TrustedKey[] | undefined {
  const lines = (readText(machine, '/proc/keys') ?? '').split('\n');
  const keys = lines.flatMap((line) => {
    const [, subject, id] = LINE.exec(line) ?? [];
    return subject === undefined || id === undefined ? [] : [{ subject, id }];
  });
  return keys.length === 0 ? undefined : keys;
}

/**
 * A signature names its signer by issuer and serial number. Certificates of `resplice keys mok` have the serial number as key
 * identifier too; for others only the name can be compared.
 */
export function isTrusted({ commonName, serial }: ModuleSigner, keys: readonly TrustedKey[]): boolean {
  return keys.some(
    ({ subject, id }) =>
      id === serial || (commonName !== '' && (subject === commonName || subject.endsWith(`: ${commonName}`))),
  );
}
