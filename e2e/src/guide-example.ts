// The examples of docs/patch-author-guide.md, as patches. What an author reads is what is built and run: the blocks are taken from the
// guide and put into the shipped source. A `diff` block has no line numbers, which would differ from version to version; its place is
// where its old lines are, which must be once.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from './resplice-command.js';
import { replaceOnce, type Workshop } from './workshop.js';

const GUIDE = join(ROOT, 'docs/patch-author-guide.md');

interface Block {
  readonly kind: 'c' | 'diff';
  readonly example: string;
  /** In the kernel tree. */
  readonly path: string;
  readonly lines: readonly string[];
}

/** All examples of the guide by name, each with its blocks. Throws on a block that does not say what it belongs to. */
export async function readGuideExamples(): Promise<ReadonlyMap<string, readonly Block[]>> {
  const blocks = parseBlocks(await readFile(GUIDE, 'utf8'));
  return new Map(
    [...new Set(blocks.map(({ example }) => example))].map((name) => [
      name,
      blocks.filter(({ example }) => example === name),
    ]),
  );
}

/** The patches of one example, one for each file. */
export async function writeExample(workshop: Workshop, name: string): Promise<readonly string[]> {
  const blocks = (await readGuideExamples()).get(name);
  if (blocks === undefined) throw new Error(`the guide has no example called ${name}`);
  const paths = [...new Set(blocks.map(({ path }) => path))];
  return Promise.all(
    paths.map((path, index) =>
      workshop.rewrite(`${name}-${index}`, {
        path,
        edit: (text) => blocks.filter((block) => block.path === path).reduce(applyBlock, text),
      }),
    ),
  );
}

function parseBlocks(text: string): readonly Block[] {
  return [...text.matchAll(/^```(c|diff)\b(.*)\n((?:.*\n)*?)```$/gm)].map(
    ([, kind, title = '', body = '']) => {
      const [, example, path] = /^ ([\w-]+) (\S+)$/.exec(title) ?? [];
      if (example === undefined || path === undefined) {
        throw new Error(`a ${kind} block of the guide names no example and file: ${title}`);
      }
      return { kind: kind === 'c' ? 'c' : 'diff', example, path, lines: body.trimEnd().split('\n') };
    },
  );
}

function applyBlock(text: string, { kind, lines, example }: Block): string {
  if (kind === 'c') return `${text}\n${lines.join('\n')}\n`;
  const side = (left: string) =>
    lines
      // An empty line of context has often lost its blank.
      .map((line) => (line === '' ? ' ' : line))
      .filter((line) => line.startsWith(' ') || line.startsWith(left))
      .map((line) => `${line.slice(1)}\n`)
      .join('');
  try {
    return replaceOnce(text, side('-'), side('+'));
  } catch (cause) {
    throw new Error(`the guide's example ${example} does not fit the kernel's source`, { cause });
  }
}
