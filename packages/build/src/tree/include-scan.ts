// Finds what a source text may include, without preprocessing it: conditionals are ignored, so the answer is a superset. Besides
// plain #include lines, four ways of including exist in the kernel and are followed:
//   #define GENL_MAGIC_INCLUDE_FILE <linux/drbd_genl.h>   then `#include GENL_MAGIC_INCLUDE_FILE` somewhere else
//   #define TRACE_SYSTEM x / TRACE_INCLUDE_FILE x           trace/define_trace.h includes `x.h`, wherever TRACE_INCLUDE_PATH leads
//   __has_include(<x.h>)                                    the answer changes when the file appears
//   .include "x" and .incbin "x"                            by the assembler

/** How a name is looked for. `anywhere`: any file of the tree whose path ends in it. */
export type IncludeStyle = 'quoted' | 'angled' | 'anywhere';

export interface IncludeName {
  readonly style: IncludeStyle;
  readonly name: string;
}

const INCLUDE = /^include(?:_next)?\s*(?:\/\*.*?\*\/\s*)?(?:"([^"]+)"|<([^>]+)>)/;
const DEFINED_NAME = /^define\s+\w+\s+(?:"([^"]+\.(?:[chS]|inc|def))"|<([^>]+\.(?:[chS]|inc|def))>)/;
const TRACE_NAME = /^define\s+TRACE_(?:SYSTEM|INCLUDE_FILE)\s+(\w+)/;
const HAS_INCLUDE = /__has_include(?:_next)?\s*\(\s*(?:"([^"]+)"|<([^>]+)>)/g;
const ASSEMBLER = /\.inc(?:lude|bin)\s+"([^"\n]+)/g;

/**
 * Every name the text may include, each once.
 * Goes from `#` to `#` rather than by one large expression: 350 MB of sources are scanned at preparation, and this is ten times as fast.
 */
export function scanIncludes(text: string, assembler: boolean): readonly IncludeName[] {
  const found = new Map<string, IncludeName>();
  const add = (style: IncludeStyle, name: string | undefined): void => {
    if (name !== undefined) found.set(`${style} ${name}`, { style, name });
  };
  const addEither = (match: RegExpMatchArray | null): void => {
    add('quoted', match?.[1]);
    add('angled', match?.[2]);
  };
  for (let hash = text.indexOf('#'); hash >= 0; hash = text.indexOf('#', hash + 1)) {
    const line = directiveAt(text, hash);
    if (line.startsWith('inc')) addEither(INCLUDE.exec(line));
    else if (line.startsWith('def')) {
      // Most definitions are numbers; only those with a quote or a bracket can name a file.
      if (line.includes('"') || line.includes('<')) addEither(DEFINED_NAME.exec(line));
      if (line.includes('TRACE_')) add('anywhere', traceHeader(line));
    }
    if (line.includes('__has_include')) for (const match of line.matchAll(HAS_INCLUDE)) addEither(match);
  }
  if (assembler) for (const match of text.matchAll(ASSEMBLER)) add('quoted', match[1]);
  return [...found.values()];
}

function traceHeader(line: string): string | undefined {
  const name = TRACE_NAME.exec(line)?.[1];
  return name === undefined ? undefined : `${name}.h`;
}

/** The directive behind a `#`, with lines joined that end in a backslash; empty for those that cannot include. */
function directiveAt(text: string, hash: number): string {
  let start = hash + 1;
  while (text[start] === ' ' || text[start] === '\t') start += 1;
  const letter = text[start];
  if (letter !== 'i' && letter !== 'd' && letter !== 'e') return '';
  let end = text.indexOf('\n', start);
  while (end > 0 && text[end - 1] === '\\') end = text.indexOf('\n', end + 1);
  return text.slice(start, end < 0 ? text.length : end).replaceAll('\\\n', '');
}
