/** `6.1.0-47-amd64 #1 SMP … Debian 6.1.170-3 (…)`, on one line or two, also with `Linux HOST` before it as `uname -a` has it. */
export function readUname(text: string): { readonly release: string; readonly version: string } {
  const words = text.trim().split(/\s+/);
  const at = words.findIndex((word) => /^\d+\.\d+\S*$/.test(word));
  if (at < 0) return { release: text.trim().slice(0, 100), version: '' };
  return {
    release: words[at] ?? '',
    version: words
      .slice(at + 1)
      .join(' ')
      .slice(0, 200),
  };
}
