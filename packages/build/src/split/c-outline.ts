// The top-level definitions of a C file, by line: enough to say which function, macro, structure or table a hunk changes. Not a C
// parser: comments and strings are blanked, directives are taken out, braces are counted. Conditional code can unbalance the braces (both
// branches of an #if open one: lib/vsprintf.c); a `}` in the first column ends whatever is open, for kernel style puts one nowhere else.

export type DefinitionKind = 'function' | 'macro' | 'aggregate' | 'object' | 'include' | 'directive';

export interface OutlineItem {
  readonly kind: DefinitionKind;
  /** Identifier, structure tag, macro or included file; empty when there is none. */
  readonly name: string;
  /** Lines from 1, both included. */
  readonly start: number;
  readonly end: number;
  /** The words before a function's body, an aggregate's tag line, a macro's parameters: what users depend on. */
  readonly head: string;
}

const OPENING = new Set(['(', '[']);
const CLOSING = new Set([')', ']']);

/** The items in the order of the file; lines between them (comments, blanks) belong to none. */
export function outlineSource(text: string): readonly OutlineItem[] {
  const items: OutlineItem[] = [];
  const { code, directives } = takeDirectives(blankComments(text));
  items.push(...directives);
  const scanner = new ItemScanner();
  let line = 1;
  let column = 0;
  for (const character of code) {
    const item = scanner.step(character, line, column);
    if (item !== undefined) items.push(item);
    column += 1;
    if (character === '\n') {
      line += 1;
      column = 0;
    }
  }
  return items.sort((a, b) => a.start - b.start);
}

/** Identifiers of code; comments are not code. */
export function listIdentifiers(line: string): readonly string[] {
  return line.match(/[A-Za-z_]\w*/g) ?? [];
}

/** Comments, strings and character constants as blanks, lines kept. */
export function blankComments(text: string): string {
  return text.replace(
    /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\[\s\S]|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g,
    (match) => {
      const blank = match.replace(/[^\n]/g, ' ');
      return match.startsWith('"') ? `"${blank.slice(2)}"` : blank;
    },
  );
}

function takeDirectives(text: string): {
  readonly code: string;
  readonly directives: readonly OutlineItem[];
} {
  const lines = text.split('\n');
  const directives: OutlineItem[] = [];
  for (let at = 0; at < lines.length; at++) {
    if (!/^\s*#/.test(lines[at] ?? '')) continue;
    const start = at;
    while ((lines[at] ?? '').endsWith('\\') && at + 1 < lines.length) at += 1;
    const whole = lines.slice(start, at + 1).join('\n');
    directives.push(readDirective(whole, start + 1, at + 1));
    for (let each = start; each <= at; each++) lines[each] = '';
  }
  return { code: lines.join('\n'), directives };
}

function readDirective(text: string, start: number, end: number): OutlineItem {
  const [, name, parameters = ''] = /^\s*#\s*(?:define|undef)\s+(\w+)(\([^)]*\))?/.exec(text) ?? [];
  if (name !== undefined) return { kind: 'macro', name, start, end, head: `${name}${parameters}` };
  const isInclude = /^\s*#\s*include\b/.test(text);
  return { kind: isInclude ? 'include' : 'directive', name: '', start, end, head: text };
}

/** Collects characters until a top-level item is complete. */
class ItemScanner {
  #text = '';
  #head: string | undefined;
  #start = 0;
  #braces = 0;
  #parentheses = 0;

  step(character: string, line: number, column: number): OutlineItem | undefined {
    if (this.#text === '' && /[\s;]/.test(character)) return undefined;
    if (this.#text === '') this.#start = line;
    if (this.#braces === 0) this.#text += character;
    if (OPENING.has(character)) this.#parentheses += 1;
    if (CLOSING.has(character)) this.#parentheses = Math.max(0, this.#parentheses - 1);
    if (character === '{') {
      if (this.#braces === 0) this.#head = this.#text.slice(0, -1);
      this.#braces += 1;
    }
    if (character === '}') {
      this.#braces = column === 0 ? 0 : Math.max(0, this.#braces - 1);
      if (this.#braces === 0 && isFunctionHead(this.#head ?? '')) return this.#finish(line);
      if (this.#braces === 0) {
        this.#parentheses = 0;
        this.#text += '}';
      }
    }
    const ends = character === ';' && this.#braces === 0 && this.#parentheses === 0;
    return ends ? this.#finish(line) : undefined;
  }

  #finish(end: number): OutlineItem {
    const head = (this.#head ?? this.#text).trim();
    const item = { ...nameItem(head, this.#text), start: this.#start, end, head: head.replace(/\s+/g, ' ') };
    this.#text = '';
    this.#head = undefined;
    this.#braces = 0;
    this.#parentheses = 0;
    return item;
  }
}

/** `int f(int a) __must_hold(&lock) __init`: behind the last parenthesis stand words only, and nothing is assigned. */
function isFunctionHead(head: string): boolean {
  const end = head.lastIndexOf(')');
  return end >= 0 && /^[\w\s]*$/.test(head.slice(end + 1)) && !/(?:^|[^=!<>])=(?!=)/.test(head);
}

/** `struct foo {`, `SYSCALL_DEFINE3(name, …) {`, `static int (*table[])(void) = {`, `int f(int);`. */
function nameItem(head: string, whole: string): { readonly kind: DefinitionKind; readonly name: string } {
  const declared = whole.includes('{') ? head : whole;
  const kind =
    /^(?:(?:static|extern|const|typedef)\s+)*(?:struct|union|enum)(?:\s+__packed)?(?:\s+(\w+))?\s*$/.exec(
      head.trim(),
    );
  // `static struct { … } table;`: its members are what matters, and the variable is what it is known by.
  if (kind !== null && whole.includes('{'))
    return { kind: 'aggregate', name: kind[1] ?? /}\s*(\w+)\s*;?\s*$/.exec(whole)?.[1] ?? '' };
  const event =
    /^(?:TRACE_EVENT\w*\s*\(|(?:DEFINE_EVENT\w*|DECLARE_TRACE\w*)\s*\(\s*(?:\w+\s*,)?)\s*(\w+)/.exec(
      head,
    )?.[1];
  // TRACE_EVENT(sched_switch, …) declares trace_sched_switch().
  if (event !== undefined) return { kind: 'function', name: `trace_${event}` };
  const before = withoutAttributes(declared.split(/(?:^|[^=!<>])=(?!=)/)[0] ?? '');
  const call = /([A-Za-z_]\w*)\s*\(([^()]*)/.exec(before);
  if (call !== null && !declared.includes('=')) {
    const [, name = '', inside = ''] = call;
    const words = listIdentifiers(inside);
    // SYSCALL_DEFINE2(listen, …), DEFINE_MUTEX(lock), EXPORT_SYMBOL(f): the first argument is what is meant; DEFINE_PER_CPU(u32, count)
    // has the type before the name.
    const argument = name.includes('PER_CPU') ? words.at(-1) : words[0];
    const named = /^[A-Z][A-Z0-9_]*$/.test(name) ? (argument ?? '') : name;
    return { kind: 'function', name: isWord(named) ? '' : named };
  }
  const name = /([A-Za-z_]\w*)\s*(?:\[[^\]]*\]\s*)*;?\s*$/.exec(before.trim())?.[1] ?? '';
  return { kind: 'object', name: isWord(name) ? '' : name };
}

/** `__printf(1, 2) int f(…)`, `static int x __read_mostly`: what is said of a name is not the name. */
function withoutAttributes(text: string): string {
  return text
    .replace(/__attribute__\s*\(\([^()]*(?:\([^()]*\)[^()]*)*\)\)/g, ' ')
    .replace(/^(?:\s*(?:static|extern|inline|const|__\w+\s*(?:\([^()]*\))?))+(?=\s+\w+[^;]*\()/, ' ')
    .replace(TRAILING_ATTRIBUTE, '$1$2');
}

/** By name: `static int __f(int a)` and `static int table __aligned(64)` look the same. */
const TRAILING_ATTRIBUTE = new RegExp(
  String.raw`(\w[\s\]]+)__(?:read_mostly|(?:net_|mem|cpu)?(?:init|exit)(?:data|const|_or_module|data_or_module)?|ro_after_init|` +
    String.raw`used|(?:maybe|always)_unused|ref(?:data|const)?|(?:\w+_)?aligned(?:_in_smp)?|section|weak|visible|packed|percpu|rcu|` +
    String.raw`cold|latent_entropy|randomize_layout|bss_decrypted|guarded_by|counted_by)\s*(?:\([^()]*\))?\s*(;?\s*)$`,
);

const WORDS = new Set(
  `auto bool break case char const continue default do double else enum extern float for goto if inline int long register return
  short signed sizeof static struct switch typedef union unsigned void volatile while true false NULL
  u8 u16 u32 u64 s8 s16 s32 s64 __u8 __u16 __u32 __u64 __s8 __s16 __s32 __s64 __le16 __le32 __le64 __be16 __be32 __be64
  define undef include ifdef ifndef endif elif defined
  size_t ssize_t uint int8_t uint8_t uint16_t uint32_t uint64_t loff_t gfp_t dma_addr_t`.split(/\s+/),
);

/** A word of the language, or as common as one. */
export function isWord(name: string): boolean {
  return WORDS.has(name);
}
