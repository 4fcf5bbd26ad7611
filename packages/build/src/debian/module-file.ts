// Where a kernel's modules are. A module's name spells `_` where its file may spell `-`; files may be compressed (6.12: .ko.xz).

import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { EnvironmentError, InputError } from '@resplice/report';
import { execa } from 'execa';
import { toolEnvironment } from './command.js';
import { exists } from './store.js';
import { duringTool } from './tool-clock.js';

const SUFFIXES = ['.ko', '.ko.xz', '.ko.gz', '.ko.zst'];

/** The kernel's name of a module from its file's path: `…/snd-hda-intel.ko.xz` → `snd_hda_intel`. */
export function moduleName(file: string): string {
  return basename(file)
    .replace(/\.(?:ko|o|mod)(?:\.\w+)?$/, '')
    .replaceAll('-', '_')
    .replaceAll(',', '_');
}

/** Module name → path below the module directory without compression suffix, from the text of `modules.order`. */
export function parseModuleOrder(text: string): ReadonlyMap<string, string> {
  const modules = new Map<string, string>();
  for (const line of text.split('\n')) {
    const path = line.trim();
    if (path === '') continue;
    if (!path.endsWith('.ko') || path.startsWith('/') || path.split('/').includes('..')) {
      throw new InputError('bad-module-order', `modules.order: "${path}" is not the path of a module`);
    }
    modules.set(moduleName(path), path);
  }
  return modules;
}

/** All loadable modules: name → path below `modules` (`…/lib/modules/RELEASE`), without compression suffix. */
export async function listModules(modules: string): Promise<ReadonlyMap<string, string>> {
  return parseModuleOrder(await readFile(join(modules, 'modules.order'), 'utf8'));
}

/** The file of a loadable module, or undefined when this kernel has none of that name. */
export async function findModuleFile(modules: string, name: string): Promise<string | undefined> {
  const path = (await listModules(modules)).get(moduleName(name));
  if (path === undefined) return undefined;
  for (const suffix of SUFFIXES) {
    const file = join(modules, path.replace(/\.ko$/, suffix));
    if (await exists(file)) return file;
  }
  return undefined;
}

/** The module's ELF file, unpacked. */
export async function readModule(file: string): Promise<Uint8Array> {
  const tool = new Map([
    ['.xz', 'xz'],
    ['.gz', 'gzip'],
    ['.zst', 'zstd'],
  ]).get(file.slice(file.lastIndexOf('.')));
  if (tool === undefined) return readFile(file);
  const result = await duringTool(async () =>
    execa(tool, ['--decompress', '--stdout', file], {
      encoding: 'buffer',
      env: toolEnvironment(),
      extendEnv: false,
      reject: false,
    }),
  );
  if (!result.failed) return result.stdout;
  if (result.code === 'ENOENT')
    throw new EnvironmentError('tool-missing', `${tool} is not installed`, { context: { tool } });
  throw new InputError(
    'bad-module-file',
    `cannot unpack ${file}: ${Buffer.from(result.stderr).toString().trim()}`,
  );
}
