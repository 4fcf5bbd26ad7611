// A module signature as scripts/sign-file of the kernel tree makes it, byte for byte: CMS SignedData without signed attributes and
// without certificates, the signer named by issuer and serial number, RSA with PKCS#1 v1.5 over SHA-256.
//
// The kernel is strict: it takes rsaEncryption as the signature's algorithm and not sha256WithRSAEncryption, which other
// libraries write (`pkcs7_sig_note_pkey_algo` in crypto/asymmetric_keys/pkcs7_parser.c).

import { type KeyObject, sign } from 'node:crypto';
import {
  CMSVersion,
  ContentInfo,
  DigestAlgorithmIdentifier,
  DigestAlgorithmIdentifiers,
  EncapsulatedContentInfo,
  IssuerAndSerialNumber,
  id_data,
  id_signedData,
  SignatureAlgorithmIdentifier,
  SignedData,
  SignerIdentifier,
  SignerInfo,
  SignerInfos,
} from '@peculiar/asn1-cms';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import { Certificate } from '@peculiar/asn1-x509';
import { InputError } from '@resplice/report';
import { hashContent, joinModule, splitModule, type Update } from '@resplice/update';

const SHA256 = '2.16.840.1.101.3.4.2.1';
const RSA = '1.2.840.113549.1.1.1';
/** DER of NULL. */
const NULL = new Uint8Array([5, 0]).buffer;

export interface ModuleSigningKey {
  readonly secret: KeyObject;
  /** DER. */
  readonly certificate: Uint8Array;
}

/** The CMS message over `code`, DER. */
export function signCode(code: Uint8Array, { secret, certificate }: ModuleSigningKey): Uint8Array {
  const { issuer, serialNumber } = AsnConvert.parse(certificate, Certificate).tbsCertificate;
  const digest = new DigestAlgorithmIdentifier({ algorithm: SHA256 });
  const signature = sign('sha256', code, secret);
  const signer = new SignerInfo({
    version: CMSVersion.v1,
    sid: new SignerIdentifier({ issuerAndSerialNumber: new IssuerAndSerialNumber({ issuer, serialNumber }) }),
    digestAlgorithm: digest,
    signatureAlgorithm: new SignatureAlgorithmIdentifier({ algorithm: RSA, parameters: NULL }),
    signature: new OctetString(signature),
  });
  const signedData = new SignedData({
    version: CMSVersion.v1,
    digestAlgorithms: new DigestAlgorithmIdentifiers([digest]),
    encapContentInfo: new EncapsulatedContentInfo({ eContentType: id_data }),
    signerInfos: new SignerInfos([signer]),
  });
  const content = AsnConvert.serialize(signedData);
  return Buffer.from(AsnConvert.serialize(new ContentInfo({ contentType: id_signedData, content })));
}

/** The same update with its module signed; a signature that it had is replaced. Throws InputError `module-not-signable`. */
export function signUpdate(update: Update, key: ModuleSigningKey): Update {
  const { manifest, files } = update;
  if (manifest.trampoline !== null) {
    const message = `${manifest.id}: uses the trampoline engine, whose module is completed on each machine, so no signature over it can hold; machines that force signatures need an update of the livepatch engine`;
    throw new InputError('module-not-signable', message);
  }
  const { file } = manifest.module;
  const { code } = splitModule(files.get(file) ?? new Uint8Array());
  const module = joinModule(code, signCode(code, key));
  return {
    manifest: { ...manifest, module: { ...manifest.module, sha256: hashContent(module), signed: true } },
    files: new Map([...files, [file, module]]),
  };
}
