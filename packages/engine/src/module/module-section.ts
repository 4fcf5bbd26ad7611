// The sections by which the kernel knows a module: what modpost writes for modules that kbuild makes.

import { InternalError } from '@resplice/report';
import { ByteWriter } from '../bytes/index.js';
import type { Engine } from '../diff/redirection.js';

export interface ModuleIdentity {
  /** Name of the module, at most 55 characters. */
  readonly name: string;
  /** As in the shipped modules: `6.1.0-47-amd64 SMP preempt mod_unload modversions`. */
  readonly vermagic: string;
  readonly description: string;
  readonly engine: Engine;
  /** Modules built without retpolines are complained about; as the shipped ones say. */
  readonly retpoline: boolean;
  /** Symbol namespaces to import. */
  readonly namespaces: readonly string[];
  /** CRC of `module_layout`, by which the kernel checks that its struct module is ours; undefined in a kernel without MODVERSIONS. */
  readonly layoutCrc: number | undefined;
}

/** struct modversion_info: a CRC and a name that fill 64 bytes together. */
const VERSION_SIZE = 64;

export function encodeModinfo(identity: ModuleIdentity): Uint8Array {
  const entries: [string, string][] = [
    ['license', 'GPL'],
    ['description', identity.description],
    ...(identity.engine === 'livepatch' ? [['livepatch', 'Y'] as [string, string]] : []),
    ['depends', ''],
    ...identity.namespaces.map((namespace): [string, string] => ['import_ns', namespace]),
    ...(identity.retpoline ? [['retpoline', 'Y'] as [string, string]] : []),
    ['name', identity.name],
    ['vermagic', identity.vermagic],
  ];
  const writer = new ByteWriter();
  for (const [key, value] of entries) writer.cstring(`${key}=${value.replace(/[\0\n]/g, ' ')}`);
  return writer.finish();
}

/** One entry for module_layout and one per exported symbol, in order of name. */
export function encodeVersions(layoutCrc: number, crcs: ReadonlyMap<string, number>): Uint8Array {
  const all = [...new Map([...crcs, ['module_layout', layoutCrc] as const])].sort(([a], [b]) =>
    a < b ? -1 : 1,
  );
  const writer = new ByteWriter();
  for (const [name, crc] of all) {
    const start = writer.offset;
    writer.u64(BigInt(crc)).cstring(name);
    if (writer.offset - start > VERSION_SIZE)
      throw new InternalError('symbol-name-too-long', `${name} does not fit struct modversion_info`);
    writer.fill(VERSION_SIZE - (writer.offset - start));
  }
  return writer.finish();
}
