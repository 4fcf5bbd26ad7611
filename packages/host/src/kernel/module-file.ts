// The file that `modprobe NAME` would load. depmod has decided that already, among the folders of /lib/modules (a module in updates/, as DKMS
// puts it, goes before the one of the package), and modules.dep says how: one line for each module, its own file first.

import { findModuleBuildId, parseObject } from '@resplice/engine';
import { RespliceError } from '@resplice/report';
import { type Machine, readText } from '../machine/machine.js';

export interface ModuleFile {
  readonly path: string;
  /** Undefined when it cannot be read; `problem` then says why. */
  readonly buildId: string | undefined;
  readonly problem: string;
}

/** The files of those modules that have one. */
export function readModuleFiles(
  machine: Machine,
  release: string,
  names: readonly string[],
): ReadonlyMap<string, ModuleFile> {
  if (names.length === 0) return new Map();
  const directory = `/lib/modules/${release}`;
  const paths = parseModuleDependencies(readText(machine, `${directory}/modules.dep`) ?? '');
  return new Map(
    names.flatMap((name) => {
      const path = paths.get(name);
      if (path === undefined) return [];
      return [[name, readModuleFile(machine, path.startsWith('/') ? path : `${directory}/${path}`)] as const];
    }),
  );
}

/** Module name as the kernel spells it → path, absolute or below the folder that modules.dep is in. */
export function parseModuleDependencies(text: string): ReadonlyMap<string, string> {
  const paths = new Map<string, string>();
  for (const line of text.split('\n')) {
    const path = line.slice(0, Math.max(0, line.indexOf(':')));
    const name = /(?:^|\/)([^/]+)\.ko(?:\.\w+)?$/.exec(path)?.[1];
    if (name !== undefined) paths.set(name.replace(/[-,]/g, '_'), path);
  }
  return paths;
}

function readModuleFile(machine: Machine, path: string): ModuleFile {
  const read = machine.readUnpacked(path);
  if (!read.ok) return { path, buildId: undefined, problem: read.code };
  try {
    const buildId = findModuleBuildId(parseObject(read.bytes, path));
    return { path, buildId, problem: buildId === undefined ? 'it has no build id' : '' };
  } catch (error) {
    if (error instanceof RespliceError) return { path, buildId: undefined, problem: error.message };
    throw error;
  }
}
