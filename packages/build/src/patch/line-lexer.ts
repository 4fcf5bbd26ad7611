// Says for each line of C whether a preprocessor directive may stand before it. Reading the parts that matter (comments,
// literals, continued lines, directives, parentheses) line by line is enough; a real parser of C was rejected, because
// unpreprocessed kernel source is not C: half a statement stands in `#ifdef`, and macros look like anything.
//
// A directive is safe before a line that is not inside a comment, a literal, a continued line or a directive, with no
// parenthesis open (it could be a macro's, and asm's text is in parentheses too), behind a complete statement, a comma or an
// opening brace. The last rule keeps a function-like macro and its arguments together and lines of one expression too.
// Blank lines and directives separate things anyway; there it is enough that no parenthesis is open.

import { type Conditional, ConditionalStates } from './conditional-states.js';

/** State of the code at a line: open parentheses, and whether the last thing before it was `;`, `{`, `}`, `,` or nothing. */
const encodeState = (depth: number, complete: boolean): number => depth * 2 + (complete ? 1 : 0);
const depthOf = (state: number): number => state >> 1;
const isComplete = (state: number): boolean => (state & 1) === 1;

/** More readings of one line than this come from text that is not C: in Linux 6.1 (tools/ aside) parentheses are never in doubt. */
const MAX_STATES = 64;

type Inside = '"' | "'" | '//' | '/*';

export class LineLexer {
  readonly #states = new ConditionalStates(encodeState(0, true));
  #inComment = false;
  #inDirective = false;
  /** Nothing but comments on this line yet, so `#` would open a directive. */
  #blank = true;
  /** The line before ended in a backslash, inside this literal or line comment, or outside of any. */
  #continued: Inside | 'code' | undefined;

  /** Whether a directive may stand before `line`, the next line to be read. */
  isSafeBefore(line: string): boolean {
    if (this.#inComment || this.#inDirective || this.#continued !== undefined) return false;
    // Before #else it would still be in the branch above, where it is of no use.
    if (/^\s*#\s*(else|elif|endif)/.test(line)) return false;
    const separate = /^\s*(#.*)?$/.test(line.trimEnd());
    return [...this.#states.current].every(
      (state) => depthOf(state) === 0 && (separate || isComplete(state)),
    );
  }

  /** Reads a line; the conditional directive on it, if it is one. */
  read(line: string): Conditional | undefined {
    const text = line.replace(/\r?\n$/, '');
    if (!this.#inComment && this.#continued === undefined) {
      this.#blank = true;
      if (text.startsWith('}')) this.#endFunction();
    }
    // gcc, too, takes a backslash with blanks behind it for a continued line.
    const body = text.replace(/\\[ \t\f\v]*$/, '');
    const code = this.#stripLine(body, body !== text);
    const opens = !this.#inDirective && this.#blank && /^\s*#/.test(code);
    this.#blank &&= code.trim() === '';
    if (opens || this.#inDirective) this.#inDirective = this.#inComment || this.#continued !== undefined;
    else this.#count(code);
    const conditional = opens ? parseConditional(code) : undefined;
    if (conditional !== undefined) this.#states.cross(conditional);
    return conditional;
  }

  /** Blanks out comments and the inside of literals, and remembers what goes on in the next line. */
  #stripLine(text: string, continues: boolean): string {
    let inside: Inside | undefined = this.#inComment
      ? '/*'
      : this.#continued === 'code'
        ? undefined
        : this.#continued;
    let code = '';
    for (let at = 0; at < text.length; at += 1) {
      const [char = '', pair] = [text[at], text.slice(at, at + 2)];
      if (inside === '//') break;
      if (inside === '/*') {
        if (pair === '*/') {
          inside = undefined;
          at += 1;
        }
      } else if (inside !== undefined) {
        if (char === '\\') at += 1;
        else if (char === inside) inside = undefined;
      } else if (pair === '/*' || pair === '//') {
        inside = pair;
        code += ' ';
        at += 1;
      } else {
        if (char === '"' || char === "'") inside = char;
        code += char;
      }
    }
    this.#inComment = inside === '/*';
    // A literal that does not end on its line ends there anyway (`#error don't`), unless a backslash continues it.
    this.#continued = !continues || inside === '/*' ? undefined : (inside ?? 'code');
    return code;
  }

  #count(code: string): void {
    const tokens = code.replace(/[^(){};,\s]+/g, 'x').replace(/\s+/g, '');
    if (tokens === '') return;
    const next = new Set<number>();
    for (const state of this.#states.current) {
      let depth = depthOf(state);
      for (const token of tokens) {
        if (token === '(') depth += 1;
        else if (token === ')') depth -= 1;
        if (depth < 0) break;
      }
      // A reading in which more is closed than was opened is not the one the compiler has.
      if (depth >= 0) next.add(encodeState(depth, /[;{},]$/.test(tokens)));
    }
    if (next.size === 0) next.add(encodeState(0, /[;{},]$/.test(tokens)));
    if (next.size <= MAX_STATES) this.#states.replace(next);
  }

  /** A brace in the first column ends a function: of several readings of the lines above, those with open parentheses were wrong. */
  #endFunction(): void {
    const closed = [...this.#states.current].filter((state) => depthOf(state) === 0);
    if (closed.length > 0) this.#states.replace(new Set(closed));
  }
}

function parseConditional(code: string): Conditional | undefined {
  const [, word, rest] = /^\s*#\s*([a-z]+)\b(.*)/.exec(code) ?? [];
  if (word === 'if') return rest?.trim() === '0' ? 'if-zero' : 'if';
  if (word === 'ifdef' || word === 'ifndef') return 'if';
  if (word === 'elif' || word === 'else' || word === 'endif') return word;
  return undefined;
}
