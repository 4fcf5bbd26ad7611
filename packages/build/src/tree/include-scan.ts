// Finds what a source text may include, without preprocessing it: of conditionals, only what the configuration decides for all objects is
// heeded (include-condition.ts), so the answer is a superset. Besides plain #include lines, four ways of including exist in the kernel and are followed:
//   #define GENL_MAGIC_INCLUDE_FILE <linux/drbd_genl.h>   then `#include GENL_MAGIC_INCLUDE_FILE` somewhere else
//   #define TRACE_SYSTEM x / TRACE_INCLUDE_FILE x           include/trace/define_trace.h includes "TRACE_INCLUDE_PATH/x.h"; who says no path of
//                                                           its own gets another one's, or the default
//   __has_include(<x.h>)                                    the answer changes when the file appears
//   .include "x" and .incbin "x"                            by the assembler

import { stripComments } from '../patch/source-text.js';
import { ConditionStack, type Configuration } from './include-condition.js';

/** How a name is looked for. `traced`: as a quoted one in define_trace.h. `anywhere`: any file of the tree whose path ends in it. */
export type IncludeStyle = 'quoted' | 'angled' | 'traced' | 'anywhere';

export interface IncludeName {
  readonly style: IncludeStyle;
  readonly name: string;
}

export interface ScannedText {
  /** Each once. */
  readonly names: readonly IncludeName[];
  /** Others that it has only where the configuration says that nobody reads it, with the options that say so. */
  readonly skipped: readonly (IncludeName & { readonly options: readonly string[] })[];
  /** Options that it defines or undefines itself. */
  readonly overridden: readonly string[];
}

const INCLUDE = /^include(?:_next)?\s*(?:\/\*.*?\*\/\s*)?(?:"([^"]+)"|<([^>]+)>)/;
const DEFINED_NAME = /^define\s+\w+\s+(?:"([^"]+\.(?:[chS]|inc|def))"|<([^>]+\.(?:[chS]|inc|def))>)/;
const TRACE_NAME = /^define\s+TRACE_(?:SYSTEM|INCLUDE_FILE)\s+([\w-]+)/;
const TRACE_PATH = /^define\s+TRACE_INCLUDE_PATH\s+(\S*[^\s/])/;
const HAS_INCLUDE = /__has_include(?:_next)?\s*\(\s*(?:"([^"]+)"|<([^>]+)>)/g;
const ASSEMBLER = /\.inc(?:lude|bin)\s+"([^"\n]+)/g;

/**
 * Every name the text may include.
 * Goes from `#` to `#` rather than by one large expression: 350 MB of sources are scanned at preparation, and this is ten times as fast.
 */
export function scanIncludes(text: string, assembler: boolean, configuration: Configuration): ScannedText {
  const found = new Map<string, IncludeName>();
  const overridden = new Set<string>();
  const conditions = new ConditionStack(configuration);
  const [traced, tracePaths] = [new Set<string>(), new Set<string>()];
  let skips = false;
  const add = (style: IncludeStyle, name: string | undefined): void => {
    if (name !== undefined) found.set(keyOf({ style, name }), { style, name });
  };
  const addEither = (match: RegExpMatchArray | null): void => {
    add('quoted', match?.[1]);
    add('angled', match?.[2]);
  };
  for (let hash = text.indexOf('#'); hash >= 0; hash = text.indexOf('#', hash + 1)) {
    const line = directiveAt(text, hash);
    if (line.startsWith('inc')) {
      addEither(INCLUDE.exec(line));
      skips ||= conditions.skippedBy() !== undefined;
    } else if (line.startsWith('def')) {
      // Most definitions are numbers; only those with a quote or a bracket can name a file.
      if (line.includes('"') || line.includes('<')) addEither(DEFINED_NAME.exec(line));
      if (line.includes('TRACE_')) {
        addCapture(traced, TRACE_NAME.exec(line));
        addCapture(tracePaths, TRACE_PATH.exec(line));
      }
    } else conditions.read(stripComments(line));
    const option = line.includes('CONFIG_') ? OVERRIDE.exec(line)?.[1] : undefined;
    if (option !== undefined) overridden.add(option);
    if (line.includes('__has_include')) for (const match of line.matchAll(HAS_INCLUDE)) addEither(match);
  }
  for (const name of traced) {
    if (tracePaths.size === 0) add('anywhere', `${name}.h`);
    for (const path of tracePaths) add('traced', `${path}/${name}.h`);
  }
  if (assembler) for (const match of text.matchAll(ASSEMBLER)) add('quoted', match[1]);
  const skipped = skips ? findSkipped(text, configuration) : [];
  for (const name of skipped) found.delete(keyOf(name));
  return { names: [...found.values()], skipped, overridden: [...overridden] };
}

const OVERRIDE = /^(?:define|undef)\s+(CONFIG_\w+)/;

/** The #include lines that nobody reads. A conditional in a comment would be taken for one, so this is asked of the text without comments. */
function findSkipped(text: string, configuration: Configuration): ScannedText['skipped'] {
  const conditions = new ConditionStack(configuration);
  const read = new Set<string>();
  const skipped = new Map<string, ScannedText['skipped'][number]>();
  const joined = stripComments(text).replaceAll('\\\n', ' ');
  for (const [, directive = ''] of joined.matchAll(/^[ \t]*#[ \t]*(.*)$/gm)) {
    conditions.read(directive);
    const match = INCLUDE.exec(directive);
    const name = match?.[1] ?? match?.[2];
    if (name === undefined) continue;
    const include = { style: match?.[1] === undefined ? ('angled' as const) : ('quoted' as const), name };
    const options = conditions.skippedBy();
    if (options === undefined) read.add(keyOf(include));
    else skipped.set(keyOf(include), { ...include, options });
  }
  if (!conditions.isSound || !conditions.isClosed) return [];
  return [...skipped].filter(([key]) => !read.has(key)).map(([, include]) => include);
}

function keyOf({ style, name }: IncludeName): string {
  return `${style} ${name}`;
}

function addCapture(names: Set<string>, match: RegExpMatchArray | null): void {
  if (match?.[1] !== undefined) names.add(match[1]);
}

/** The directive behind a `#`, with lines joined that end in a backslash; empty for those that cannot include. */
function directiveAt(text: string, hash: number): string {
  let start = hash + 1;
  while (text[start] === ' ' || text[start] === '\t') start += 1;
  const letter = text[start];
  if (letter !== 'i' && letter !== 'd' && letter !== 'e' && letter !== 'u') return '';
  let end = text.indexOf('\n', start);
  while (end > 0 && text[end - 1] === '\\') end = text.indexOf('\n', end + 1);
  return text.slice(start, end < 0 ? text.length : end).replaceAll('\\\n', '');
}
