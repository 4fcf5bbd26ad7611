// The few rules of the shell that kbuild's recorded recipes use: words, single and double quotes, backslashes, and the
// operators that end a command. No expansion: a `$` or backquote outside single quotes is refused, for it would need a shell.

import { InputError } from '@resplice/report';

export interface ShellStatement {
  readonly words: readonly string[];
  /** Offset behind the statement and its operator. */
  readonly end: number;
  /** `;`, `|`, `&&`, `>`, …; empty at the end of the text. */
  readonly operator: string;
}

const PART = /([^\s;'"\\|&<>()$`]+)|'([^']*)'|"((?:[^"\\$`]|\\.)*)"|\\([\s\S])|([ \t]+)|([;|&<>()]+|\n)/y;

/** Reads one simple command that starts at `start`. */
export function parseShellStatement(text: string, start: number): ShellStatement {
  const words: string[] = [];
  let word: string | undefined;
  PART.lastIndex = start;
  for (let at = start; at < text.length; at = PART.lastIndex) {
    const match = PART.exec(text);
    if (match === null) {
      throw new InputError(
        'bad-recipe',
        `column ${at + 1}: cannot read "${text.slice(at, at + 40)}" without a shell`,
      );
    }
    const [, plain, single, double, escaped, space, operator] = match;
    if (space !== undefined || operator !== undefined) {
      if (word !== undefined) words.push(word);
      word = undefined;
      if (operator !== undefined) return { words, end: PART.lastIndex, operator };
      continue;
    }
    word = (word ?? '') + (plain ?? single ?? double?.replace(/\\([\\"$`])/g, '$1') ?? escaped ?? '');
  }
  if (word !== undefined) words.push(word);
  return { words, end: text.length, operator: '' };
}
