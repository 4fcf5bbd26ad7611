// Builds what /proc/kcore and the note files hold, by the ABI and not by our own readers' layouts.

export interface Note {
  readonly owner: string;
  readonly type: number;
  readonly description: Uint8Array;
}

export interface CoreLoad {
  readonly address: bigint;
  readonly bytes: Uint8Array;
}

const HEADER = 64;
const PROGRAM_HEADER = 56;
/** Linux places memory at its address without the sign extension, behind the headers. */
const POSITION_MASK = 0x00ff_ffff_ffff_ffffn;

export function encodeNotes(notes: readonly Note[]): Uint8Array {
  return Buffer.concat(
    notes.flatMap(({ owner, type, description }) => {
      const head = Buffer.alloc(12);
      head.writeUInt32LE(owner.length + 1, 0);
      head.writeUInt32LE(description.length, 4);
      head.writeUInt32LE(type, 8);
      return [head, pad(Buffer.from(`${owner}\0`)), pad(Buffer.from(description))];
    }),
  );
}

export function encodeBuildIdNotes(buildId: string): Uint8Array {
  return encodeNotes([
    { owner: 'Xen', type: 6, description: Buffer.from('linux\0') },
    { owner: 'Xen', type: 3, description: Buffer.alloc(8) },
    { owner: 'GNU', type: 3, description: Buffer.from(buildId, 'hex') },
    { owner: 'Linux', type: 257, description: Buffer.alloc(4) },
  ]);
}

export interface CoreImage {
  /** Start of the file: header, program headers, notes. */
  readonly head: Uint8Array;
  readonly loads: readonly { readonly position: bigint; readonly bytes: Uint8Array }[];
}

export function encodeCore(loads: readonly CoreLoad[], vmcoreinfo: string | undefined): CoreImage {
  const notes = encodeNotes([
    { owner: 'CORE', type: 1, description: Buffer.alloc(336) },
    ...(vmcoreinfo === undefined
      ? []
      : [{ owner: 'VMCOREINFO', type: 0, description: Buffer.from(vmcoreinfo) }]),
  ]);
  const tableEnd = HEADER + (loads.length + 1) * PROGRAM_HEADER;
  const head = Buffer.alloc(tableEnd + notes.length);
  head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  head.writeUInt16LE(4, 16);
  head.writeUInt16LE(62, 18);
  head.writeBigUInt64LE(BigInt(HEADER), 32);
  head.writeUInt16LE(HEADER, 52);
  head.writeUInt16LE(PROGRAM_HEADER, 54);
  head.writeUInt16LE(loads.length + 1, 56);
  writeProgramHeader(head, 0, { type: 4, position: BigInt(tableEnd), address: 0n, size: notes.length });
  const placed = loads.map(({ address, bytes }, index) => {
    const position = (address & POSITION_MASK) + 0x4000n;
    writeProgramHeader(head, index + 1, { type: 1, position, address, size: bytes.length });
    return { position, bytes };
  });
  head.set(notes, tableEnd);
  return { head, loads: placed };
}

export function readCore(image: CoreImage, buffer: Uint8Array, position: bigint): number {
  const part = [{ position: 0n, bytes: image.head }, ...image.loads].find(
    (each) => each.position <= position && position < each.position + BigInt(each.bytes.length),
  );
  if (part === undefined) return 0;
  const start = Number(position - part.position);
  const bytes = part.bytes.subarray(start, start + buffer.length);
  buffer.set(bytes);
  return bytes.length;
}

function writeProgramHeader(
  head: Buffer,
  index: number,
  { type, position, address, size }: { type: number; position: bigint; address: bigint; size: number },
): void {
  const at = HEADER + index * PROGRAM_HEADER;
  head.writeUInt32LE(type, at);
  head.writeBigUInt64LE(position, at + 8);
  head.writeBigUInt64LE(address, at + 16);
  head.writeBigUInt64LE(BigInt(size), at + 32);
  head.writeBigUInt64LE(BigInt(size), at + 40);
}

function pad(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
}
