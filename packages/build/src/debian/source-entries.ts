// Where apt would find source packages: the machine's own entries for binary packages, asked for sources instead. Most machines have no
// deb-src entry, and adding one would change how the machine is configured; so the entries are written to a directory of our own,
// with the options of the originals (keys, proxies), and given to apt for one call. Formats: sources.list(5), one line and deb822.

/** The deb-src entries as deb822 stanzas and one-line entries, of those archives only whose address is among `addresses`. */
export interface SourceEntries {
  readonly stanzas: readonly string[];
  readonly lines: readonly string[];
}

/** From the content of a `.list` file. */
export function readListEntries(text: string, addresses: ReadonlySet<string>): SourceEntries {
  const lines: string[] = [];
  for (const line of text.split('\n')) {
    const [, options = '', address = '', rest = ''] =
      /^\s*deb\s+(\[[^\]]*\]\s+)?(\S+)\s+([^#]+)/.exec(line) ?? [];
    if (addresses.has(trimAddress(address))) lines.push(`deb-src ${options}${address} ${rest.trim()}`);
  }
  return { stanzas: [], lines };
}

/** From the content of a `.sources` file. */
export function readStanzaEntries(text: string, addresses: ReadonlySet<string>): SourceEntries {
  const plain = text.replace(/^#.*\n?/gm, '');
  const stanzas = plain.split(/\n\s*\n/).flatMap((stanza) => {
    const types = readField(stanza, 'Types').split(/\s+/);
    const isOff = /^(?:no|false|without|off|disable|0)$/i.test(readField(stanza, 'Enabled'));
    const isWanted = readField(stanza, 'URIs')
      .split(/\s+/)
      .some((address) => addresses.has(trimAddress(address)));
    if (!types.includes('deb') || isOff || !isWanted) return [];
    return [stanza.trim().replace(/^Types:.*$/im, 'Types: deb-src')];
  });
  return { stanzas, lines: [] };
}

/** The addresses in the answer of `apt-cache policy PACKAGE`: `  500 http://deb.debian.org/debian bookworm/main amd64 Packages`. */
export function readPolicyAddresses(text: string): ReadonlySet<string> {
  return new Set(
    [...text.matchAll(/^\s+-?\d+ (\S+:\S+) /gm)].map(([, address = '']) => trimAddress(address)),
  );
}

function readField(stanza: string, name: string): string {
  return new RegExp(`^${name}:[ \\t]*(.*(?:\\n[ \\t]+.*)*)`, 'im').exec(stanza)?.[1]?.trim() ?? '';
}

function trimAddress(address: string): string {
  return address.replace(/\/+$/, '');
}
