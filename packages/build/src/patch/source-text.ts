/**
 * The bytes of a source as text in which every byte is a character, so that comments in whatever encoding come back as they were; empty
 * for a file that is not there.
 */
export function sourceText(bytes: Uint8Array | null | undefined): string {
  if (bytes === null || bytes === undefined) return '';
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}
