// Cuts the text of a header into its top-level pieces: macros, functions, types, declarations. It reads unpreprocessed text, which is
// not C, so a piece is only what can be told from braces, parentheses and semicolons; every #if around a piece belongs to it, and an
// #if inside of one is part of its text. A real parser was rejected: the answer would hold for one configuration and one includer.

import { stripComments } from '../patch/source-text.js';

export interface Chunk {
  readonly kind: 'define' | 'include' | 'directive' | 'code';
  /** Tokens, without comments and without regard to blanks. */
  readonly tokens: readonly string[];
  /** The conditions that it stands under, outermost first. */
  readonly conditions: string;
}

export interface Chunks {
  readonly chunks: readonly Chunk[];
  /** False when braces do not pair up, as with one brace in each branch of an #if: then the pieces mean nothing. */
  readonly whole: boolean;
}

const TOKEN =
  /[A-Za-z_$][\w$]*|\.?\d(?:[eEpP][+-]|[\w.])*|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|##|->|\.\.\.|\S/g;

/** The pieces of a C text, in their order. */
export function splitChunks(text: string): Chunks {
  const splitter = new Splitter();
  for (const line of joinLines(stripComments(text))) splitter.read(line);
  return splitter.finish();
}

/** Tells two pieces apart: equal identities compile to the same. */
export function identify(chunk: Chunk): string {
  return `${chunk.kind}\n${chunk.conditions}\n${chunk.tokens.join(' ')}`;
}

function joinLines(text: string): readonly string[] {
  return text.replace(/\\[ \t\r]*\n/g, ' ').split('\n');
}

const CPLUSPLUS = /^if(?:def __cplusplus| defined \(? ?__cplusplus(?: \))?)$/;

interface Condition {
  /** Undefined inside of a piece, where it is a part of the text. */
  readonly text: string | undefined;
  readonly braces: number;
  readonly parentheses: number;
}

class Splitter {
  readonly #chunks: Chunk[] = [];
  readonly #conditions: Condition[] = [];
  #tokens: string[] = [];
  #braces = 0;
  #parentheses = 0;
  #sound = true;

  read(line: string): void {
    const directive = /^\s*#\s*(\w*)\s*([\s\S]*)$/.exec(line);
    if (directive !== null) this.#readDirective(directive[1] ?? '', directive[2] ?? '');
    else this.#readCode(line.match(TOKEN) ?? []);
  }

  finish(): Chunks {
    this.#flush();
    const whole =
      this.#sound && this.#braces === 0 && this.#parentheses === 0 && this.#conditions.length === 0;
    return { chunks: this.#chunks, whole };
  }

  #readDirective(word: string, rest: string): void {
    // Of ours (patch/line-resync.ts), and no part of what is declared around it.
    if (word === 'line' && /^\d+\s*$/.test(rest)) return;
    const tokens = rest.match(TOKEN) ?? [];
    const inside = this.#tokens.length > 0;
    // Inside of a piece; a macro defined there is also a piece of its own.
    if (inside && word !== '') this.#tokens.push('#', word, ...tokens, '#');
    if (/^if(?:n?def)?$/.test(word)) this.#openCondition(inside ? undefined : `${word} ${tokens.join(' ')}`);
    else if (word === 'elif' || word === 'else') this.#turnCondition(`${word} ${tokens.join(' ')}`);
    else if (word === 'endif') {
      if (this.#conditions.pop() === undefined) this.#sound = false;
    } else if (word === 'define' || word === 'undef') this.#add('define', [word, ...defineTokens(rest)]);
    else if (word.startsWith('include')) this.#add('include', [word, rest.trim()]);
    else if (word !== 'error' && word !== 'warning' && word !== '') this.#add('directive', [word, ...tokens]);
  }

  #openCondition(text: string | undefined): void {
    this.#conditions.push({ text, braces: this.#braces, parentheses: this.#parentheses });
  }

  /** Each branch starts as deep as the first: one may open a function that another opens too. */
  #turnCondition(text: string): void {
    const open = this.#conditions.pop();
    if (open === undefined) {
      this.#sound = false;
      return;
    }
    this.#braces = open.braces;
    this.#parentheses = open.parentheses;
    this.#conditions.push({ ...open, text: open.text === undefined ? undefined : `${open.text} ${text}` });
  }

  #readCode(tokens: readonly string[]): void {
    // `extern "C" {` would make one piece of everything.
    if (this.#conditions.some(({ text }) => text !== undefined && CPLUSPLUS.test(text))) return;
    if (this.#isCompleteCall() && /^[A-Za-z_]/.test(tokens[0] ?? '')) this.#flush();
    for (const token of tokens) {
      this.#tokens.push(token);
      if (token === '{') this.#braces += 1;
      else if (token === '(') this.#parentheses += 1;
      else if (token === ')') this.#parentheses -= 1;
      else if (token === '}') this.#braces -= 1;
      if (this.#braces < 0 || this.#parentheses < 0) {
        this.#sound = false;
        this.#braces = 0;
        this.#parentheses = 0;
      }
      if (this.#braces > 0 || this.#parentheses > 0) continue;
      if (token === ';' || (token === '}' && isFunction(this.#tokens))) this.#flush();
    }
  }

  /** `PAGEFLAG(Locked, locked, PF_NO_TAIL)` on lines of its own has no semicolon. */
  #isCompleteCall(): boolean {
    const [first = '', second] = this.#tokens;
    const open = this.#braces > 0 || this.#parentheses > 0;
    return !open && second === '(' && this.#tokens.at(-1) === ')' && /^[A-Za-z_]/.test(first);
  }

  #flush(): void {
    const tokens = this.#tokens;
    this.#tokens = [];
    if (tokens.some((token) => token !== ';')) this.#add('code', tokens);
  }

  #add(kind: Chunk['kind'], tokens: readonly string[]): void {
    this.#chunks.push({
      kind,
      tokens,
      conditions: this.#conditions.flatMap(({ text }) => text ?? []).join('\n'),
    });
  }
}

/** A blank before the parenthesis decides whether a macro has parameters, so it is kept as a token. */
function defineTokens(rest: string): readonly string[] {
  const name = /^[\w$]+/.exec(rest)?.[0] ?? '';
  const [, ...body] = rest.match(TOKEN) ?? [];
  return rest.charAt(name.length) === '(' ? [name, ...body] : [name, ' ', ...body];
}

/** Whether the braces that have just been closed are a function's body: a parenthesis, attributes of a type aside, before the first brace. */
export function isFunction(tokens: readonly string[]): boolean {
  const brace = tokens.indexOf('{');
  if (brace < 0) return false;
  const head = tokens.slice(0, brace).join(' ');
  const plain = head.replace(
    /\b__(?:attribute__|aligned)\b(?: \([^()]*(?:\([^()]*(?:\([^()]*\)[^()]*)*\)[^()]*)*\))?/g,
    '',
  );
  return plain.includes(')') && !plain.includes('=');
}
