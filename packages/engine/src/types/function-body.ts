// Functions of C text, and the parentheses in it, told from kernel style.

export interface FunctionBody {
  readonly name: string;
  /** Where its name stands. */
  readonly head: number;
  readonly start: number;
  readonly end: number;
}

/** Kernel style: a function's braces stand in the first column. */
export function functionsOf(code: string): readonly FunctionBody[] {
  const bodies: FunctionBody[] = [];
  for (const match of code.matchAll(
    /\b(\w+)\s*\((?:[^(){};]|\((?:[^(){};]|\([^(){};]*\))*\))*\)[^;{}()=]*\n\{/g,
  )) {
    const start = match.index + match[0].length;
    const closed = code.indexOf('\n}', start - 1);
    bodies.push({ name: match[1] ?? '', head: match.index, start, end: closed < 0 ? code.length : closed });
  }
  return bodies;
}

export function closing(code: string, start: number, open = '(', close = ')'): number {
  let depth = 1;
  for (let at = start; at < code.length; at++) {
    if (code[at] === open) depth++;
    else if (code[at] === close && --depth === 0) return at;
  }
  return code.length;
}
