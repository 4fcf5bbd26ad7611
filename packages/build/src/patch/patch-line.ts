// A cursor over the lines of a patch that knows where it is, so that every complaint about a patch has the same
// form: `fix.patch:12: what is wrong; expected …`.

import { InputError } from '@resplice/report';

export type PatchErrorCode =
  | 'patch-malformed'
  | 'patch-empty'
  | 'patch-binary'
  | 'patch-combined'
  | 'patch-path-unsafe'
  | 'patch-mail-encoded'
  | 'patch-incomplete'
  | 'patch-unsupported-file';

export class PatchLines {
  readonly name: string;
  readonly #lines: readonly string[];
  #at = 0;

  /** `bytes` has one character per byte. */
  constructor(bytes: string, name: string) {
    this.name = name;
    this.#lines = splitLines(bytes);
  }

  /** Number of the current line, from 1; one past the last line at the end. */
  get number(): number {
    return this.#at + 1;
  }

  get atEnd(): boolean {
    return this.#at >= this.#lines.length;
  }

  /** The line `ahead` of the current one with its newline, or undefined behind the end. */
  peek(ahead = 0): string | undefined {
    return this.#lines[this.#at + ahead];
  }

  /** Like peek, without line end; the empty string behind the end. */
  text(ahead = 0): string {
    return stripLineEnd(this.peek(ahead) ?? '');
  }

  skip(count = 1): void {
    this.#at += count;
  }

  error(code: PatchErrorCode, what: string, line = this.number): InputError {
    return new InputError(code, `${this.name}:${line}: ${what}`, { context: { patch: this.name, line } });
  }
}

/** Cuts behind each `\n`, which stays with its line. */
export function splitLines(text: string): string[] {
  return text === '' ? [] : text.split(/(?<=\n)/);
}

export function stripLineEnd(line: string): string {
  return line.replace(/\r?\n$|\r$/, '');
}

/** Bytes that people will read: UTF-8, with a replacement character for what is not. */
export function readableText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
