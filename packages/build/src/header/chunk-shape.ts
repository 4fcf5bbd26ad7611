// What a piece of a header declares, read from its tokens: enough to know by which names other code can depend on it.

import { type Chunk, isFunction } from './chunk.js';

export type ChunkShape =
  | ({ readonly kind: 'define' } & Define)
  | { readonly kind: 'function'; readonly names: readonly string[]; readonly emitted: boolean }
  | {
      readonly kind: 'record';
      readonly tag: string | undefined;
      /** Names behind the closing brace: of a typedef, or of variables. */
      readonly declared: readonly string[];
      readonly members: readonly (readonly string[])[];
    }
  | {
      readonly kind: 'enum';
      readonly constants: readonly (readonly string[])[];
      readonly declared: readonly string[];
    }
  | { readonly kind: 'typedef'; readonly names: readonly string[] }
  | { readonly kind: 'forward' }
  | { readonly kind: 'declaration'; readonly names: readonly string[]; readonly head: readonly string[] }
  | { readonly kind: 'variable'; readonly names: readonly string[]; readonly emitted: boolean }
  | { readonly kind: 'call'; readonly macro: string; readonly arguments: readonly string[] };

export type RecordShape = Extract<ChunkShape, { kind: 'record' }>;

export interface Define {
  readonly name: string;
  readonly parameters: ReadonlySet<string>;
  readonly body: readonly string[];
}

const WORD = /^[A-Za-z_$][\w$]*$/;

export function isIdentifier(token: string | undefined): token is string {
  return token !== undefined && WORD.test(token);
}

const QUALIFIERS =
  /^(?:const|volatile|unsigned|signed|struct|union|enum|return|sizeof|typeof|__user|__rcu|__iomem|__percpu|__force|restrict|__restrict|_Atomic|inline|static|extern)$/;
const BASIC =
  /^(?:void|char|short|int|long|float|double|bool|_Bool|register|typedef|if|else|for|while|do|switch|case|default|break|continue|goto|auto|u8|u16|u32|u64|s8|s16|s32|s64|__always_inline|noinline|__maybe_unused|__must_check|__init|__exit|__read_mostly|__packed|__aligned|__attribute__|__pure|__cold|__deprecated|asmlinkage|__used|notrace|noinstr|__unused)$/;
/** Macros with parentheses that say something about a declaration and declare nothing. */
const ATTRIBUTE =
  /^__(?:attribute__|aligned|printf|scanf|acquires|releases|must_hold|cond_acquires|cond_lock|section|alloc_size|alloc_align|assume_aligned|counted_by|diag|malloc|realloc_size|no_sanitize|copy|alias|must_hold_shared)$/;

export function isWord(token: string | undefined): token is string {
  return isIdentifier(token) && !QUALIFIERS.test(token) && !BASIC.test(token);
}

export function readShape(chunk: Chunk): ChunkShape {
  const { tokens } = chunk;
  if (chunk.kind === 'include' || chunk.kind === 'directive') return { kind: 'forward' };
  if (chunk.kind === 'define') return { kind: 'define', ...readDefine(tokens) };
  const brace = tokens.indexOf('{');
  const [first = '', second] = tokens;
  if (second === '(' && isWord(first) && !ATTRIBUTE.test(first)) return readCall(first, tokens);
  if (isFunction(tokens)) return readFunction(tokens.slice(0, brace));
  const head = brace < 0 ? tokens : tokens.slice(0, brace);
  const assigned = head.indexOf('=');
  if (assigned >= 0) return readVariable(head.slice(0, assigned), tokens);
  if (brace >= 0) return readBraced(head, tokens, brace);
  if (/^(?:struct|union|enum)$/.test(first) && tokens.length === 3) return { kind: 'forward' };
  if (first === 'typedef')
    return { kind: 'typedef', names: memberNames(withoutTypedefParameters(tokens).slice(1)) };
  if (tokens.includes('extern') || tokens.includes('(')) return readDeclaration(tokens);
  return readVariable(tokens, tokens);
}

/** What a macro stands for, with blanks for its parameters: others' words stand for them. */
export function plainBody({ parameters, body }: Define): readonly string[] {
  return body.map((token) => (parameters.has(token) ? '' : token));
}

/**
 * What each header of events, or its source, defines for itself: `#define TRACE_SYSTEM tcp`. They only look like parts of names, and the machinery for
 * all events, which stands under `#ifdef CREATE_TRACE_POINTS`, does not change by them.
 */
export const SAID_FOR_EVENTS: ReadonlySet<string> = new Set([
  'CREATE_TRACE_POINTS',
  'TRACE_SYSTEM',
  'TRACE_INCLUDE_FILE',
  'TRACE_INCLUDE_PATH',
]);

/** @param tokens of a piece that defines a macro: `define`, its name, a blank or parameters, and what it stands for */
export function readDefine(tokens: readonly string[]): Define {
  const close = tokens[2] === '(' ? tokens.indexOf(')') : 2;
  const parameters = new Set(tokens.slice(3, close).filter((token) => WORD.test(token)));
  return {
    name: tokens[1] ?? '',
    parameters: new Set([...parameters, '__VA_ARGS__']),
    body: tokens.slice(close + 1),
  };
}

const BASIC_TYPE = /^(?:void|char|short|int|long|float|double|bool|_Bool|[us](?:8|16|32|64))$/;
/** Words of a prototype that change nothing for the code of those who call the function. */
const IDLE = /^(?:extern|const|unsigned|signed|__must_check|__user|__iomem|__rcu|__percpu)$/;

/**
 * Whether the tokens declare a function and say nothing of it but its type: `extern int f(int a);`. Attributes, or words that may stand for
 * some, can change how calls are compiled; those that check a format cannot.
 */
export function isPlainPrototype(tokens: readonly string[]): boolean {
  const text = tokens.join(' ').replace(/\b__(?:printf|scanf) \( \d+ , \d+ \) /g, '');
  const [, head = '', parameters] = /^([\w* ]+?) \(([^{}=#]*)\) ;$/.exec(text) ?? [];
  if (parameters === undefined || /\) \(|__(?!user|iomem|rcu|percpu)/.test(parameters)) return false;
  const words = head.split(' ').filter((word) => word !== '*' && !IDLE.test(word));
  const name = words.pop();
  if (!isWord(name)) return false;
  if (/^(?:struct|union|enum)$/.test(words[0] ?? '')) return words.length === 2;
  const isType = words.length === 1 || (words.length > 0 && words.every((word) => BASIC_TYPE.test(word)));
  return isType && !/^(?:static|inline|typedef|asmlinkage|[A-Z_]+)$/.test(words[0] ?? '');
}

/** What a constant of an enum is called, without what it is set to; all words where conditions stand among them. */
export function constantNames(constant: readonly string[]): readonly string[] {
  const assigned = constant.includes('#') ? -1 : constant.indexOf('=');
  return (assigned < 0 ? withoutIncludes(constant) : constant.slice(0, assigned)).filter(isWord);
}

/** Identifiers that stand where a declaration puts the name it declares; a superset when macros are about. */
export function findDeclarators(tokens: readonly string[]): readonly string[] {
  const names: string[] = [];
  for (const [at, token] of tokens.entries()) {
    const call = isCallAt(tokens, at);
    if (isDeclarator(tokens, at)) names.push(token);
    else if (call) names.push(...tokens.slice(at + 1, closingOf(tokens, at + 1)).filter(isWord));
  }
  const pointers = [...tokens.join(' ').matchAll(/\( (?:[\w$]+ )*(?:\* )+(?:const |volatile )?([\w$]+)/g)];
  names.push(...pointers.flatMap((match) => (isWord(match[1]) ? [match[1]] : [])));
  return [...new Set(names)];
}

/** Of `typedef int handler(struct event *event);`, what is before the parameters. */
export function withoutTypedefParameters(tokens: readonly string[]): readonly string[] {
  const open = tokens.indexOf('(');
  const isFunction = open > 2 && tokens[open + 1] !== '*' && closingOf(tokens, open) === tokens.length - 2;
  const isNamed = isWord(tokens[open - 1]) && !ATTRIBUTE.test(tokens[open - 1] ?? '');
  return isFunction && isNamed ? [...tokens.slice(0, open), ';'] : withoutParameters(tokens);
}

/** What a member, also a nested structure, declares. */
export function memberNames(member: readonly string[]): readonly string[] {
  return findDeclarators(withoutParameters(member).map((token) => (token === '{' ? ';' : token)));
}

/** Of `int (*open)(struct inode *inode)`, the second pair holds what others name. */
export function withoutParameters(tokens: readonly string[]): readonly string[] {
  let depth = 0;
  return tokens.filter((token, at) => {
    if (depth === 0 && !(token === '(' && tokens[at - 1] === ')')) return true;
    depth += token === '(' ? 1 : token === ')' ? -1 : 0;
    return false;
  });
}

/** A macro with arguments among the tokens of a member, for example `DECLARE_BITMAP(name, SIZE)`. */
function isCallAt(tokens: readonly string[], at: number): boolean {
  const token = tokens[at];
  return isWord(token) && tokens[at + 1] === '(' && tokens[at + 2] !== '*' && !ATTRIBUTE.test(token);
}

/** Whether the token is the name that is declared rather than one that is used. */
export function isDeclarator(tokens: readonly string[], at: number): boolean {
  const [before, token, after] = [tokens[at - 1], tokens[at], tokens[at + 1]];
  if (!isWord(token) || before === undefined || DECORATION.test(token)) return false;
  if (after !== undefined && !/^[,;)[:=]$/.test(after))
    return ATTRIBUTE_WORD.test(after) && isTypeEnd(before);
  return isTypeEnd(before) || (before === ',' && (after === ',' || after === ';' || after === undefined));
}

const ATTRIBUTE_WORD = /^__\w+$/;

/** Words that stand behind a declared name and are none: `static struct genl_family ZZZ_genl_family __ro_after_init = {`. */
const DECORATION =
  /^_{2,4}(?:ro_after_init|init(?:data|const)(?:_or_module)?|refdata|exitdata|latent_entropy|cacheline_\w+|cacheline_aligned|randomize_layout|nonstring|visible|weak)$/;

function isTypeEnd(token: string): boolean {
  if (/^(?:struct|union|enum|sizeof|return|typeof|const|volatile)$/.test(token)) return false;
  return token === '*' || token === '}' || WORD.test(token);
}

function closingOf(tokens: readonly string[], open: number): number {
  let depth = 0;
  for (let at = open; at < tokens.length; at += 1) {
    if (tokens[at] === '(') depth += 1;
    else if (tokens[at] === ')' && --depth === 0) return at;
  }
  return tokens.length;
}

function readCall(macro: string, tokens: readonly string[]): ChunkShape {
  const words = tokens.slice(1).filter(isWord);
  return { kind: 'call', macro, arguments: [...new Set(words)] };
}

/** Every identifier before a parenthesis outside of parentheses: the name, and perhaps a macro around it. */
function namesBeforeParentheses(tokens: readonly string[]): readonly string[] {
  const names: string[] = [];
  let depth = 0;
  for (const [at, token] of tokens.entries()) {
    if (token === '(') {
      const name = tokens[at - 1];
      if (depth === 0 && isWord(name) && !ATTRIBUTE.test(name)) names.push(name);
      depth += 1;
    } else if (token === ')') depth -= 1;
  }
  return names;
}

function readFunction(head: readonly string[]): ChunkShape {
  const emitted = !head.some((word) => /^(?:static|inline|__inline|__inline__|__always_inline)$/.test(word));
  // `int (*f(void))(int)` has none before the parenthesis.
  const names = namesBeforeParentheses(head);
  return { kind: 'function', names: names.length > 0 ? names : head.filter(isWord), emitted };
}

function readVariable(head: readonly string[], tokens: readonly string[]): ChunkShape {
  const names = [...new Set([...findDeclarators([...head, ';']), ...namesBeforeParentheses(head)])];
  const emitted = !head.includes('static') && !tokens.includes('extern');
  return { kind: 'variable', names: names.length > 0 ? names : head.filter(isWord), emitted };
}

function readDeclaration(tokens: readonly string[]): ChunkShape {
  const parenthesis = tokens.indexOf('(');
  const called = namesBeforeParentheses(tokens);
  const names = parenthesis < 0 || called.length === 0 ? findDeclarators(tokens) : called;
  const head = parenthesis < 0 ? tokens : tokens.slice(0, parenthesis);
  return { kind: 'declaration', names: names.length > 0 ? names : tokens.filter(isWord), head };
}

function readBraced(head: readonly string[], tokens: readonly string[], brace: number): ChunkShape {
  const close = tokens.lastIndexOf('}');
  const declared = tokens.slice(close + 1).filter((token) => isWord(token) && !DECORATION.test(token));
  const inside = withoutDefines(tokens.slice(brace + 1, close));
  if (head.includes('enum')) return { kind: 'enum', constants: splitTop(inside, ','), declared };
  const at = head.findIndex((word) => word === 'struct' || word === 'union');
  const tags = at < 0 ? [] : head.slice(at + 1).filter((word) => isWord(word) && !/^__\w+__$/.test(word));
  return {
    kind: 'record',
    tag: tags.at(-1),
    declared: [...declared, ...tags.slice(0, -1)],
    members: splitTop(inside, ';'),
  };
}

/**
 * The tags of what is laid out inside of a piece: `struct inner {`.
 * @param keyword which of struct, union and enum count
 */
export function nestedTags(tokens: readonly string[], keyword: RegExp): readonly string[] {
  return tokens.filter(
    (token, at) => isWord(token) && keyword.test(tokens[at - 1] ?? '') && tokens[at + 1] === '{',
  );
}

/** A macro that is defined inside of a piece is also a piece of its own. */
function withoutDefines(tokens: readonly string[]): readonly string[] {
  return withoutDirectives(tokens, /^(?:define|undef)$/);
}

function withoutIncludes(tokens: readonly string[]): readonly string[] {
  return withoutDirectives(tokens, /^include/);
}

/** Directives inside of a piece stand between two `#`. */
function withoutDirectives(tokens: readonly string[], kind: RegExp): readonly string[] {
  const kept: string[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const isOne = tokens[at] === '#' && kind.test(tokens[at + 1] ?? '');
    const end = isOne ? tokens.indexOf('#', at + 1) : -1;
    if (end < 0) kept.push(tokens[at] ?? '');
    else at = end;
  }
  return kept;
}

/** Cuts at a separator outside of all brackets; directives stay with what follows. */
export function splitTop(tokens: readonly string[], separator: string): readonly (readonly string[])[] {
  const parts: string[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (/^[({[]$/.test(token)) depth += 1;
    else if (/^[)}\]]$/.test(token)) depth -= 1;
    parts.at(-1)?.push(token);
    if (depth === 0 && token === separator) parts.push([]);
  }
  return parts.filter((part) => part.length > 0);
}
