// Debian control stanzas, as `apt-cache show` prints them. Source: deb-control(5) and Debian Policy 5.1.
// Only what we ask for is kept: the long fields (Description, Depends) of a hundred kernels are most of the text.

import { InputError } from '@resplice/report';

/** One version of one package that apt offers. */
export interface PackageRecord {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** Size of the .deb in bytes. */
  readonly size: number;
  readonly sha256: string;
}

/**
 * Reads the stanzas of `apt-cache show`. A stanza without SHA256 is an installed version that apt cannot download, and is left out.
 * @throws InputError `bad-package-list` when a stanza lacks a package name or version, or a number is none.
 */
export function parsePackageRecords(text: string): readonly PackageRecord[] {
  const records: PackageRecord[] = [];
  for (const stanza of text.split(/\n[ \t]*\n/)) {
    if (stanza.trim() === '') continue;
    const fields = parseFields(stanza);
    const sha256 = fields.get('sha256');
    const record = {
      name: required(fields, 'package', stanza),
      version: required(fields, 'version', stanza),
      architecture: fields.get('architecture') ?? 'all',
    };
    if (sha256 === undefined) continue;
    const size = Number(required(fields, 'size', stanza));
    if (!Number.isSafeInteger(size) || size <= 0 || !/^[0-9a-f]{64}$/.test(sha256)) {
      throw bad(`${record.name} ${record.version} has size "${fields.get('size')}" and SHA256 "${sha256}"`);
    }
    records.push({ ...record, size, sha256 });
  }
  return records;
}

function parseFields(stanza: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const line of stanza.split('\n')) {
    const match = /^([!-9;-~]+):[ \t]*(.*?)[ \t]*$/.exec(line);
    // A line that starts with a space continues a field we do not need.
    if (match?.[1] !== undefined && match[2] !== undefined) fields.set(match[1].toLowerCase(), match[2]);
  }
  return fields;
}

function required(fields: ReadonlyMap<string, string>, name: string, stanza: string): string {
  const value = fields.get(name);
  if (value === undefined || value === '') throw bad(`no ${name} field in "${stanza.slice(0, 120)}"`);
  return value;
}

function bad(what: string): InputError {
  return new InputError('bad-package-list', `apt-cache printed something unexpected: ${what}`);
}
