// The signature that the kernel itself checks: appended to a module as scripts/sign-file of the kernel tree does it. A CMS
// message over everything before it, then 12 bytes that say how long it is, then a magic line. Here it is only found and its
// signer read, so that a machine can say whose key it lacks; whether it is right is for the kernel to judge.
//
// The reader of DER is written here: five nested elements do not need a library that every client would load.

import { TrustError } from '@resplice/report';

/** Ends every signed module (include/linux/module_signature.h). */
export const SIGNATURE_MAGIC = Buffer.from('~Module signature appended~\n');
/** struct module_signature: five bytes of kinds and lengths, three of padding, the length of the message, big-endian. */
const TRAILER = { size: 12, kind: 2, length: 8, pkcs7: 2 } as const;

const COMMON_NAME = '55.04.03';
const ORGANIZATION = '55.04.0a';
const [SEQUENCE, SET, INTEGER, CONTEXT_0] = [0x30, 0x31, 0x02, 0xa0] as const;

export interface SplitModule {
  /** The module without its signature. */
  readonly code: Uint8Array;
  /** The CMS message, DER; undefined in a module that is not signed. */
  readonly signature: Uint8Array | undefined;
}

export interface ModuleSigner {
  /** Of the certificate's issuer, which is the signer itself in a self-signed one. */
  readonly commonName: string;
  readonly organization: string;
  /** Serial number of the certificate, hexadecimal. */
  readonly serial: string;
}

/** Throws TrustError `module-signature-malformed`. */
export function splitModule(module: Uint8Array): SplitModule {
  const bytes = Buffer.from(module.buffer, module.byteOffset, module.length);
  const end = bytes.length - SIGNATURE_MAGIC.length;
  if (end < 0 || !bytes.subarray(end).equals(SIGNATURE_MAGIC)) return { code: module, signature: undefined };
  const trailer = end - TRAILER.size;
  const length = trailer < 0 ? -1 : bytes.readUInt32BE(trailer + TRAILER.length);
  if (length < 0 || length > trailer || bytes[trailer + TRAILER.kind] !== TRAILER.pkcs7) throw malformed();
  return {
    code: module.subarray(0, trailer - length),
    signature: module.subarray(trailer - length, trailer),
  };
}

/** The module with this CMS message appended. */
export function joinModule(code: Uint8Array, signature: Uint8Array): Uint8Array {
  const trailer = Buffer.alloc(TRAILER.size);
  trailer[TRAILER.kind] = TRAILER.pkcs7;
  trailer.writeUInt32BE(signature.length, TRAILER.length);
  return Buffer.concat([code, signature, trailer, SIGNATURE_MAGIC]);
}

/** Whose signature it is; undefined when the module is not signed, or names its signer by a key id alone. */
export function readModuleSigner(module: Uint8Array): ModuleSigner | undefined {
  const { signature } = splitModule(module);
  if (signature === undefined) return undefined;
  // ContentInfo { signedData, [0] SignedData { version, digests, content, [0] certificates?, [1] revoked?, SET { SignerInfo } } }
  const [, content] = children(signature, SEQUENCE);
  const signedData = children(first(content, CONTEXT_0), SEQUENCE);
  const signerInfos = signedData.at(-1);
  const [, identifier] = children(first(signerInfos, SET), SEQUENCE);
  if (identifier?.tag !== SEQUENCE) return undefined;
  const [issuer, serial] = children(identifier.whole, SEQUENCE);
  if (issuer === undefined || serial?.tag !== INTEGER) throw malformed();
  return {
    ...readName(issuer),
    serial: Buffer.from(serial.content)
      .toString('hex')
      .replace(/^00(?=[89a-f])/, ''),
  };
}

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
  /** With tag and length. */
  readonly whole: Uint8Array;
}

/** Name: SEQUENCE of SET of SEQUENCE { type, value }. */
function readName(name: Element): Pick<ModuleSigner, 'commonName' | 'organization'> {
  const values = new Map<string, string>();
  for (const set of children(name.whole, SEQUENCE)) {
    for (const pair of children(set.whole, SET)) {
      const [type, value] = children(pair.whole, SEQUENCE);
      const id = Buffer.from(type?.content ?? [])
        .toString('hex')
        .replace(/(..)(?!$)/g, '$1.');
      values.set(id, Buffer.from(value?.content ?? []).toString('utf8'));
    }
  }
  return { commonName: values.get(COMMON_NAME) ?? '', organization: values.get(ORGANIZATION) ?? '' };
}

/** The bytes of the first element inside this one. */
function first(element: Element | undefined, tag: number): Uint8Array {
  if (element?.tag !== tag) throw malformed();
  return readElement(element.content, 0).whole;
}

/** The elements inside the one that `bytes` is, which must have this tag. */
function children(bytes: Uint8Array, tag: number): readonly Element[] {
  const outer = readElement(bytes, 0);
  if (outer.tag !== tag) throw malformed();
  const found: Element[] = [];
  for (let offset = 0; offset < outer.content.length; ) {
    const element = readElement(outer.content, offset);
    found.push(element);
    offset += element.whole.length;
  }
  return found;
}

function readElement(bytes: Uint8Array, offset: number): Element {
  const tag = bytes[offset];
  const short = bytes[offset + 1];
  if (tag === undefined || short === undefined) throw malformed();
  let [length, start] = [short, offset + 2];
  if (short >= 0x80) {
    const count = short - 0x80;
    if (count < 1 || count > 3) throw malformed();
    length = 0;
    for (const byte of bytes.subarray(start, start + count)) length = length * 256 + byte;
    start += count;
  }
  if (start + length > bytes.length) throw malformed();
  const content = bytes.subarray(start, start + length);
  return { tag, content, whole: bytes.subarray(offset, start + length) };
}

function malformed(): TrustError {
  const message = 'the signature at the end of the module is damaged; get the update again, or sign it again';
  return new TrustError('module-signature-malformed', message);
}
