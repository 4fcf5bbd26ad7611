// What a skeleton takes from the text of a source: how an object is defined, which lines of a function change, which locks there are.
// Text is enough: what cannot be told from it becomes a FIXME, never a guess that compiles.

export interface Definition {
  /** The declaration before `=`. */
  readonly head: string;
  /** What stands behind `=`, without the semicolon; undefined when nothing does. */
  readonly value: string | undefined;
}

/** The definition of a variable at file scope. */
export function findVariable(text: string, name: string): Definition | undefined {
  const code = blankComments(text);
  const pattern = new RegExp(
    `^[A-Za-z_][^;{}()=\\n]*?\\b${name}\\b(?:\\s*\\[[^\\]]*\\])*[^;{}()=\\n]*(?=[=;])`,
    'm',
  );
  const match = pattern.exec(code);
  if (match === null) return undefined;
  const start = match.index + match[0].length;
  if (code[start] !== '=') return { head: match[0].trim(), value: undefined };
  const end = findEnd(code, start + 1, ';');
  return { head: match[0].trim(), value: code.slice(start + 1, end).trim() };
}

/** The designated members of an initialiser's outermost braces; undefined when it has others. */
export function readMembers(value: string): ReadonlyMap<string, string> | undefined {
  if (!value.startsWith('{')) return undefined;
  const members = new Map<string, string>();
  let at = 1;
  while (at < value.length - 1) {
    const end = findEnd(value, at, ',');
    const [, name, expression] = /^\s*\.(\w+)\s*=\s*([\s\S]*?)\s*$/.exec(value.slice(at, end)) ?? [];
    if (name !== undefined && expression !== undefined) members.set(name, expression);
    else if (value.slice(at, end).trim() !== '') return undefined;
    at = end + 1;
  }
  return members;
}

/** The text of a function, from its name to its closing brace. */
export function findFunction(text: string, name: string): string | undefined {
  const code = blankComments(text);
  const match = new RegExp(`^(?:[A-Za-z_][^;{}=]*\\b)?${name}\\s*\\([^;{}]*\\)\\s*\\{`, 'm').exec(code);
  if (match === null) return undefined;
  return text.slice(match.index, findEnd(code, match.index + match[0].length, '}') + 1);
}

/** Lines that only the second text has. */
export function addedLines(before: string, after: string): readonly string[] {
  const old = new Set(before.split('\n').map((line) => line.trim()));
  return after.split('\n').filter((line) => line.trim() !== '' && !old.has(line.trim()));
}

/** Members by declaration, conditions left out; undefined where the text has any, for which of them holds is not known. */
export function findMembers(body: string): readonly string[] | undefined {
  if (body.includes('#')) return undefined;
  const members: string[] = [];
  for (let at = body.indexOf('{') + 1; at < body.length; ) {
    const end = findEnd(body, at, ';');
    const member = body.slice(at, end).trim();
    if (member !== '' && member !== '}') members.push(member.replace(/\s+/g, ' '));
    at = end + 1;
  }
  return members;
}

/** Names of the locks that a file defines itself. */
export function findLocks(text: string): readonly string[] {
  const code = blankComments(text);
  const defined = code.matchAll(
    /^\s*(?:static\s+)?(?:DEFINE_(?:MUTEX|SPINLOCK|RAW_SPINLOCK|RWLOCK)|DECLARE_RWSEM)\s*\(\s*(\w+)/gm,
  );
  const declared = code.matchAll(
    /^(?:static\s+)?(?:struct\s+(?:mutex|rw_semaphore)|(?:raw_)?spinlock_t|rwlock_t)\s+(\w+)\s*[;=]/gm,
  );
  return [...new Set([...defined, ...declared].map(([, name = '']) => name))];
}

/** Comments as blanks of the same length, so that places stay. */
export function blankComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, (comment) => comment.replace(/[^\n]/g, ' '));
}

/** Where the character stands that ends what begins at `start`, outside of brackets and strings. */
function findEnd(code: string, start: number, stop: string): number {
  let depth = 0;
  for (let at = start; at < code.length; at++) {
    const char = code[at] ?? '';
    if (char === '"' || char === "'") at = skipQuoted(code, at);
    else if (depth === 0 && char === stop) return at;
    else if ('([{'.includes(char)) depth++;
    else if (')]}'.includes(char)) {
      if (depth === 0) return at;
      depth--;
    }
  }
  return code.length;
}

function skipQuoted(code: string, start: number): number {
  const quote = code[start];
  for (let at = start + 1; at < code.length; at++) {
    if (code[at] === '\\') at++;
    else if (code[at] === quote || code[at] === '\n') return at;
  }
  return code.length;
}
