import { join } from 'node:path';
import { findProgram } from '../../src/tree/build-tools.js';
import { CompileDatabase, type DatabaseFile, type GeneratedFile } from '../../src/tree/compile-database.js';
import { DatabaseBuilder } from '../../src/tree/database-builder.js';
import { RecipeReader } from '../../src/tree/make-log.js';
import type { PreparedTree } from '../../src/tree/prepare-tree.js';

/** Fixtures are read where they are, not where tests are compiled to. */
export function fixture(name: string): string {
  return join(import.meta.dirname, '../../../test/tree/fixtures', name);
}

/** The database of a log, fed in pieces of `size` characters. */
export function readLog(text: string, compiler: string, size = 1000): DatabaseFile {
  const builder = new DatabaseBuilder();
  const reader = new RecipeReader(compiler, builder);
  for (let at = 0; at < text.length; at += size) reader.write(text.slice(at, at + size));
  reader.end();
  return builder.build();
}

export async function hostCompiler(): Promise<string> {
  for (const name of ['gcc-12', 'gcc', 'cc']) if ((await findProgram(name)) !== undefined) return name;
  throw new Error('these tests need a C compiler');
}

/** A prepared tree of a few files: sources by path are objects of vmlinux, compiled with `flags`, and those with flags of their own with both. */
export function fakeTree(
  home: string,
  compiler: string,
  sources: readonly string[],
  flags: readonly string[],
  generated: readonly GeneratedFile[] = [],
  own: Readonly<Record<string, readonly string[]>> = {},
): PreparedTree {
  const commands = sources.map((source) => [compiler, ...flags, ...(own[source] ?? [])]);
  const words = [...new Set(commands.flat())];
  const file: DatabaseFile = {
    format: 1,
    words,
    lists: [[], ...commands.map((command) => command.map((word) => words.indexOf(word)))],
    objects: sources.map(
      (source, at) => [source.replace(/\.[cS]$/, '.o'), source, at + 1, 0, -1, 0] as const,
    ),
    modules: [],
    moduleObjtool: ['objtool'],
    generated,
  };
  return {
    key: 'test',
    home,
    directory: join(home, 'linux'),
    identity: {
      release: '6.1.0-1-amd64',
      abi: '6.1.0-1',
      flavour: 'amd64',
      version: '6.1.1-1',
      sourcePackage: 'linux-source-6.1',
      imagePackage: 'linux-image-6.1.0-1-amd64-unsigned',
      headersPackage: 'linux-headers-6.1.0-1-amd64',
    },
    compiler: { command: compiler, versionText: '', replaces: null },
    database: new CompileDatabase(file),
  };
}
