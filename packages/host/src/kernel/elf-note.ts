// ELF notes: the kernel shows its own in /sys/kernel/notes, a module's in /sys/module/NAME/notes, and /proc/kcore carries some.
// Stock kernels have some twenty Xen notes before the GNU build id, so the list is walked, never searched for a byte pattern.
// Source: System V ABI, "Note Section"; NT_GNU_BUILD_ID from the GNU binutils documentation of --build-id.

import { ByteReader, defineLayout } from '@resplice/engine/bytes';

const Elf64_Nhdr = defineLayout('Elf64_Nhdr', { n_namesz: 'u32', n_descsz: 'u32', n_type: 'u32' });
const NOTE_ALIGNMENT = 4;
const NT_GNU_BUILD_ID = 3;

export interface ElfNote {
  readonly owner: string;
  readonly type: number;
  readonly description: Uint8Array;
}

/** All notes of a note section. Throws InputError when one reaches over the end; `file` is for the message. */
export function parseNotes(bytes: Uint8Array, file: string): readonly ElfNote[] {
  const reader = new ByteReader(bytes, { file });
  const notes: ElfNote[] = [];
  while (reader.remaining >= Elf64_Nhdr.size) {
    const { n_namesz, n_descsz, n_type } = Elf64_Nhdr.read(reader);
    const name = reader.bytes(n_namesz);
    reader.align(NOTE_ALIGNMENT);
    const description = reader.bytes(n_descsz);
    // The last description may end unpadded.
    if (reader.remaining >= NOTE_ALIGNMENT) reader.align(NOTE_ALIGNMENT);
    else reader.seek(reader.length);
    notes.push({ owner: new TextDecoder().decode(name).replace(/\0+$/, ''), type: n_type, description });
  }
  return notes;
}

/** The GNU build id in lower-case hex, or undefined when no note carries one. Throws as parseNotes does. */
export function findBuildId(bytes: Uint8Array, file: string): string | undefined {
  const note = parseNotes(bytes, file).find(({ owner, type }) => owner === 'GNU' && type === NT_GNU_BUILD_ID);
  return note === undefined ? undefined : Buffer.from(note.description).toString('hex');
}
