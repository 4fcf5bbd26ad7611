// An archive as the kernel takes it for its initial RAM file system: cpio in the format "newc" (Documentation/driver-api/early-userspace/
// buffer-format.rst of the kernel).

export interface ArchiveEntry {
  /** Without a leading slash. */
  readonly path: string;
  /** Kind and permissions, as st_mode has them. */
  readonly mode: number;
  /** Of a link: its target. */
  readonly content?: Uint8Array;
}

export function encodeArchive(entries: readonly ArchiveEntry[]): Buffer {
  const parts = [...entries, { path: 'TRAILER!!!', mode: 0 }].flatMap(({ path, mode, content }, inode) => {
    const name = Buffer.from(`${path}\0`);
    const bytes = content ?? new Uint8Array();
    const fields = [inode + 1, mode, 0, 0, 1, 0, bytes.length, 0, 0, 0, 0, name.length, 0];
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
    return [pad(Buffer.concat([Buffer.from(header), name])), pad(bytes)];
  });
  return Buffer.concat(parts);
}

function pad(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}
