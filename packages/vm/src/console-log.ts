// The kernel's console, as lines. It is the only witness of a guest that did not end well.

const PANIC = /Kernel panic - not syncing: (.*)/;

export class ConsoleLog {
  readonly #onLine: (line: string) => void;
  readonly #lines: string[] = [];
  readonly #decoder = new TextDecoder();
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(chunk, { stream: true })).split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) {
      const text = line.replaceAll('\r', '');
      this.#lines.push(text);
      this.#onLine(text);
    }
  }

  text(): string {
    const last = this.#rest === '' ? [] : [this.#rest];
    return [...this.#lines, ...last].map((line) => `${line}\n`).join('');
  }

  /** The kernel's own words on why it gave up. */
  findPanic(): string | undefined {
    for (const line of this.#lines) {
      const reason = PANIC.exec(line)?.[1];
      if (reason !== undefined) return `kernel panic: ${reason}`;
    }
    return undefined;
  }
}
