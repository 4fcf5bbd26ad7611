/** Names with commas (or lines) between them, as people type them. */
export function namesOf(text: string): string[] {
  return text
    .split(/[,\n]/)
    .map((each) => each.trim())
    .filter((each) => each !== '');
}
