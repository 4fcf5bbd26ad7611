// The table by which the update's own code (kmod/build.c) knows which build of each module the update was made for: an array of
// { kernel object, build id, its length }, closed by an entry of zeros.

import { ByteWriter } from '../bytes/index.js';
import { R_X86_64, STB, STT } from '../elf/elf.layout.js';
import type { NewSymbol } from '../elf/encode.js';
import { type ObjectBuilder, SHAPES } from './section-builder.js';

export const BUILDS_SYMBOL = 'resplice_builds';

/** `struct resplice_build` of kmod/build.c, which asserts the same. */
export const BUILD_ENTRY = { size: 24, object: 0, id: 8, length: 16 } as const;

/** A module that the update changes, and the only build of it that gets the new code. */
export interface ModuleBuild {
  /** The module's name. */
  readonly object: string;
  readonly buildId: Uint8Array;
}

/** Adds the table to the update's data and returns its symbol. */
export function addBuildTable(builder: ObjectBuilder, builds: readonly ModuleBuild[]): NewSymbol {
  const data = builder.section(SHAPES.data);
  const constants = builder.section(SHAPES.rodata);
  const size = (builds.length + 1) * BUILD_ENTRY.size;
  const writer = new ByteWriter().fill(size);
  for (const [index, { buildId }] of builds.entries())
    writer.setU64At(index * BUILD_ENTRY.size + BUILD_ENTRY.length, BigInt(buildId.length));
  const start = data.append(writer.finish(), 8);
  for (const [index, { object, buildId }] of builds.entries()) {
    const at = start + index * BUILD_ENTRY.size;
    const point = (offset: number, content: Uint8Array) =>
      data.relocations.push({
        offset: at + offset,
        type: R_X86_64.R64,
        symbol: constants.symbol,
        addend: constants.append(content, 1),
      });
    point(BUILD_ENTRY.object, new ByteWriter().cstring(object).finish());
    point(BUILD_ENTRY.id, buildId);
  }
  return builder.define({
    name: BUILDS_SYMBOL,
    place: data.section,
    value: start,
    size,
    type: STT.OBJECT,
    binding: STB.GLOBAL,
  });
}
