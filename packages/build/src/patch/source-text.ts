/**
 * The bytes of a source as text in which every byte is a character, so that comments in whatever encoding come back as they were; empty
 * for a file that is not there.
 */
export function sourceText(bytes: Uint8Array | null | undefined): string {
  if (bytes === null || bytes === undefined) return '';
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

const LITERAL = String.raw`"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\[\s\S]|[^'\\\n])*'`;
const COMMENT = String.raw`\/\*[\s\S]*?(?:\*\/|$)|\/\/(?:\\\r?\n|[^\n])*`;
/** Both at once: what looks like the one inside of the other is none. */
const PROSE = new RegExp(`${LITERAL}|${COMMENT}`, 'g');

/** Comments become a blank; those inside of literals are not comments. */
export function stripComments(text: string): string {
  if (!text.includes('/*') && !text.includes('//')) return text;
  return text.replace(PROSE, (part) => (part.startsWith('/') ? ' ' : part));
}

/** Comments and literals become a blank: identifiers are left. */
export function stripProse(text: string): string {
  return text.replace(PROSE, ' ');
}
