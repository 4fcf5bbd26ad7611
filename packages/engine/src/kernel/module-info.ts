// What a shipped module says about itself: its `.modinfo` strings and its build id.

import { InputError } from '@resplice/report';
import { ByteReader } from '../bytes/index.js';
import { Elf64_Nhdr, NT_GNU_BUILD_ID } from '../elf/elf.layout.js';
import { findSection, type ObjectFile } from '../elf/object.js';

/** The value of `key` in `.modinfo`, for example `vermagic`; the first of several. */
export function findModinfo(module: ObjectFile, key: string): string | undefined {
  const data = findSection(module, '.modinfo')?.data;
  if (data === undefined) return undefined;
  const entries = Buffer.from(data).toString('latin1').split('\0');
  return entries.find((entry) => entry.startsWith(`${key}=`))?.slice(key.length + 1);
}

/** The GNU build id in hex, from `.note.gnu.build-id`. */
export function findModuleBuildId(module: ObjectFile): string | undefined {
  const section = findSection(module, '.note.gnu.build-id');
  if (section === undefined) return undefined;
  const reader = new ByteReader(section.data, { file: module.name, section: section.name });
  const note = Elf64_Nhdr.read(reader);
  if (note.n_type !== NT_GNU_BUILD_ID) {
    throw new InputError(
      'wrong-note',
      `${reader.place(0)}: not a build id; expected type ${NT_GNU_BUILD_ID}, got ${note.n_type}`,
    );
  }
  reader.skip(note.n_namesz);
  reader.align(4);
  return Buffer.from(reader.bytes(note.n_descsz)).toString('hex');
}
