// The firmware of a machine with Secure Boot: Debian's package ovmf, with variables in which a test's owner has the platform key ("snakeoil",
// whose private half is in the package), so that a guest can enrol a key as the owner of real firmware does: by an update of `db` that the owner signed.
//
// Layouts: UEFI specification 2.10, EFI_SIGNATURE_LIST (32.4.1.1) and EFI_VARIABLE_AUTHENTICATION_2 (8.2.2).

import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GuestFirmware } from '@resplice/vm';
import { run } from './resplice-command.js';

const CODE = '/usr/share/OVMF/OVMF_CODE_4M.secboot.fd';
const VARIABLES = '/usr/share/OVMF/OVMF_VARS_4M.snakeoil.fd';
const OWNER = {
  certificate: '/usr/share/ovmf/PkKek-1-snakeoil.pem',
  key: '/usr/share/ovmf/PkKek-1-snakeoil.key',
};
const OWNER_PASSPHRASE = 'snakeoil';

const IMAGE_SECURITY = 'd719b2cb-3d3a-4596-a3bc-dad00e67656f';
const CERT_X509 = 'a5c059a1-94e4-4aa7-87b5-ab155c2bf072';
const CERT_TYPE_PKCS7 = '4aafd29d-68df-49ee-8aa9-347d375665a7';
/** Kept, seen by the boot services and at run time, authenticated by time, appended. */
const ATTRIBUTES = 0x67;
const WIN_CERT_REVISION = 0x0200;
const WIN_CERT_TYPE_EFI_GUID = 0x0ef1;

/** Where Linux shows `db`, which is written as one piece. */
export const DB_FILE = `/sys/firmware/efi/efivars/db-${IMAGE_SECURITY}`;

/** With Secure Boot on; a copy that guests may change. */
export async function makeFirmware(directory: string): Promise<GuestFirmware> {
  const variables = join(directory, 'variables.fd');
  await copyFile(VARIABLES, variables);
  return { code: CODE, variables };
}

/** What the owner hands out so that machines take this certificate (DER) into `db`. */
export async function encodeEnrolment(
  directory: string,
  certificate: Uint8Array,
  now: Date,
): Promise<Uint8Array> {
  const list = encodeSignatureList(certificate);
  const time = encodeTime(now);
  const attributes = encode32(ATTRIBUTES);
  const name = Buffer.from('db', 'utf16le');
  const signature = await signAsOwner(
    directory,
    Buffer.concat([name, encodeGuid(IMAGE_SECURITY), attributes, time, list]),
  );
  const header = Buffer.alloc(8);
  header.writeUInt32LE(header.length + 16 + signature.length, 0);
  header.writeUInt16LE(WIN_CERT_REVISION, 4);
  header.writeUInt16LE(WIN_CERT_TYPE_EFI_GUID, 6);
  return Buffer.concat([attributes, time, header, encodeGuid(CERT_TYPE_PKCS7), signature, list]);
}

function encodeSignatureList(certificate: Uint8Array): Buffer {
  const size = 16 + certificate.length;
  const sizes = [28 + size, 0, size].map(encode32);
  // Who enrolled it matters to nobody.
  return Buffer.concat([encodeGuid(CERT_X509), ...sizes, Buffer.alloc(16), certificate]);
}

/** A detached PKCS #7 signature; of its ContentInfo only what is in it, which is what firmware reads. */
async function signAsOwner(directory: string, content: Uint8Array): Promise<Buffer> {
  const [input, output] = [join(directory, 'enrolment'), join(directory, 'enrolment.p7')];
  await writeFile(input, content);
  const { status, stderr } = await run('openssl', [
    ...[
      'smime',
      '-sign',
      '-binary',
      '-noattr',
      '-md',
      'sha256',
      '-outform',
      'DER',
      '-in',
      input,
      '-out',
      output,
    ],
    ...['-signer', OWNER.certificate, '-inkey', OWNER.key, '-passin', `pass:${OWNER_PASSPHRASE}`],
  ]);
  if (status !== 0) throw new Error(`openssl cannot sign: ${stderr}`);
  const { stdout } = await run('openssl', ['asn1parse', '-inform', 'DER', '-in', output]);
  // 0: the ContentInfo, 1: its type and [0], 2: the SignedData.
  const offset = /^\s*(\d+):d=2 .*SEQUENCE/m.exec(stdout)?.[1];
  if (offset === undefined) throw new Error(`not a signature: ${stdout}`);
  return (await readFile(output)).subarray(Number(offset));
}

/** EFI_TIME: what is finer than a second, and the time zone, must be zero. */
function encodeTime(now: Date): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(now.getUTCFullYear(), 0);
  [
    now.getUTCMonth() + 1,
    now.getUTCDate(),
    now.getUTCHours(),
    now.getUTCMinutes(),
    now.getUTCSeconds(),
  ].forEach((value, at) => {
    bytes.writeUInt8(value, 2 + at);
  });
  return bytes;
}

function encodeGuid(text: string): Buffer {
  const [a = '', b = '', c = '', ...rest] = text.split('-');
  const fields = [a, b, c].map((field) => Buffer.from(field, 'hex').reverse());
  return Buffer.concat([...fields, Buffer.from(rest.join(''), 'hex')]);
}

function encode32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
