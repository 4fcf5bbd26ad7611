// The key that signs kernel modules, with the certificate that an administrator enrolls (a machine owner key, MOK). RSA,
// because that is what every kernel with module signatures can check.
//
// The certificate's serial number and its subject key identifier are the same bytes. A module's signature names the serial
// number, the kernel lists its keys by the identifier: so a machine can tell beforehand whether it knows the signer.

import { generateKeyPair, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  id_ce_authorityKeyIdentifier,
  id_ce_basicConstraints,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_ce_subjectKeyIdentifier,
  id_kp_codeSigning,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';
import { type KeyFile, writeKey } from '../key/key-folder.js';
import { sealKey } from '../key/sealed-key.js';
import { moduleKeyId } from './module-key-id.js';

const RSA_BITS = 3072;
const SHA256_WITH_RSA = '1.2.840.113549.1.1.11';
const COMMON_NAME = '2.5.4.3';
const YEARS = 10;
/** DER of NULL. */
const NULL = new Uint8Array([5, 0]).buffer;

export interface ModuleKeyOptions {
  readonly passphrase: string;
  readonly now: Date;
  readonly cost?: number | undefined;
}

/** A new key `mok-…` in the folder, its certificate in the same file. `name` is what firmware and kernel show. */
export async function makeModuleKey(
  folder: string,
  name: string,
  options: ModuleKeyOptions,
): Promise<KeyFile> {
  const { passphrase, now, cost } = options;
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: RSA_BITS });
  const certificate = makeCertificate(name, publicKey, privateKey, now);
  const description = {
    name: `mok-${moduleKeyId(publicKey).toString('hex').slice(0, 8)}`,
    type: 'rsa',
    created: now,
    publicKey,
    certificate,
  } as const;
  return writeKey(folder, await sealKey(description, privateKey, passphrase, cost));
}

/** A self-signed certificate for code signing, DER. */
export function makeCertificate(
  name: string,
  publicKey: KeyObject,
  secret: KeyObject,
  now: Date,
): Uint8Array {
  const id = moduleKeyId(publicKey);
  const algorithm = new AlgorithmIdentifier({ algorithm: SHA256_WITH_RSA, parameters: NULL });
  const subject = makeName(name);
  const end = new Date(now);
  end.setUTCFullYear(end.getUTCFullYear() + YEARS);
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const tbs = new TBSCertificate({
    version: Version.v3,
    serialNumber: toBuffer(id),
    signature: algorithm,
    issuer: subject,
    subject,
    validity: new Validity({ notBefore: now, notAfter: end }),
    subjectPublicKeyInfo: AsnConvert.parse(spki, SubjectPublicKeyInfo),
    extensions: new Extensions([
      extension(id_ce_basicConstraints, new BasicConstraints({ cA: false }), true),
      extension(id_ce_keyUsage, new KeyUsage(KeyUsageFlags.digitalSignature), true),
      extension(id_ce_extKeyUsage, new ExtendedKeyUsage([id_kp_codeSigning]), false),
      extension(id_ce_subjectKeyIdentifier, new SubjectKeyIdentifier(toBuffer(id)), false),
      extension(
        id_ce_authorityKeyIdentifier,
        new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(toBuffer(id)) }),
        false,
      ),
    ]),
  });
  const signature = sign('sha256', Buffer.from(AsnConvert.serialize(tbs)), secret);
  const certificate = new Certificate({
    tbsCertificate: tbs,
    signatureAlgorithm: algorithm,
    signatureValue: toBuffer(signature),
  });
  return Buffer.from(AsnConvert.serialize(certificate));
}

function makeName(commonName: string): Name {
  const value = new AttributeValue({ utf8String: commonName });
  const attribute = new AttributeTypeAndValue({ type: COMMON_NAME, value });
  return new Name([new RelativeDistinguishedName([attribute])]);
}

function extension(id: string, value: object, critical: boolean): Extension {
  return new Extension({ extnID: id, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

function toBuffer(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
