/**
 * The bytes of a source as text in which every byte is a character, so that comments in whatever encoding come back as they were; empty
 * for a file that is not there.
 */
export function sourceText(bytes: Uint8Array | null | undefined): string {
  if (bytes === null || bytes === undefined) return '';
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** Comments become a blank; those inside of literals are not comments. */
export function stripComments(text: string): string {
  if (!text.includes('/*') && !text.includes('//')) return text;
  return text.replace(
    /"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'|\/\*[\s\S]*?(?:\*\/|$)|\/\/(?:\\\r?\n|[^\n])*/g,
    (part) => (part.startsWith('/') ? ' ' : part),
  );
}
