// ENDBR64, without which an indirect branch faults on processors with IBT.

const ENDBR64 = [0xf3, 0x0f, 0x1e, 0xfa] as const;

/** Whether the code at `offset` can be reached by an indirect branch. */
export function startsWithEndbr(code: Uint8Array, offset: number): boolean {
  return ENDBR64.every((byte, at) => code[offset + at] === byte);
}
