// Whether a patch can change a type at all, told from the text alone. Compiling with debug information costs as much as all the rest, and
// most patches touch nothing that a layout depends on: bodies of structs, unions and enums, typedefs, macros, conditions. Layouts are
// never read from text. A changed #include line is taken to change no type.

export interface TouchedDeclarations {
  /** `struct a`, `union b`, `enum c`: both texts define it, differently. */
  readonly tags: readonly string[];
  /** Types without a tag, typedefs, conditional lines, or a macro that makes types of its arguments. */
  readonly untagged: boolean;
  /** Macros that the text before defines and the text after does not, or otherwise. */
  readonly macros: readonly string[];
}

/** `struct tag` → its bodies. One tag may be defined under several #if branches; a change of any counts. */
export function findTypeBodies(text: string): ReadonlyMap<string, string> {
  return readDeclarations(stripComments(text)).bodies;
}

/** What of the declarations differs. */
export function findTouchedTypes(before: string, after: string): TouchedDeclarations {
  const [old, patched] = [stripComments(before), stripComments(after)];
  const [pre, post] = [readDeclarations(old), readDeclarations(patched)];
  const tags = [...pre.bodies].flatMap(([tag, body]) => {
    const other = post.bodies.get(tag);
    return other === undefined || other === body ? [] : [tag];
  });
  const macros = [...pre.macros].flatMap(([name, body]) => (post.macros.get(name) === body ? [] : [name]));
  return { tags, untagged: pre.others !== post.others, macros };
}

/**
 * Of some macros, all that a text defines by them, themselves included, and whether a type of the text is written with one: an array
 * bound, a condition. Anything else they do is no matter of types.
 */
export function findMacroTypes(
  text: string,
  macros: ReadonlySet<string>,
): { readonly macros: ReadonlySet<string>; readonly tags: readonly string[]; readonly untagged: boolean } {
  const declarations = readDeclarations(stripComments(text));
  const all = new Set(macros);
  const uses = (body: string) => (body.match(/[A-Za-z_]\w*/g) ?? []).some((word) => all.has(word));
  for (let known = -1; known !== all.size; ) {
    known = all.size;
    for (const [name, body] of declarations.macros) if (uses(body)) all.add(name);
  }
  const tags = [...declarations.bodies].flatMap(([tag, body]) => (uses(body) ? [tag] : []));
  return { macros: all, tags, untagged: uses(declarations.others) };
}

interface Declarations {
  readonly bodies: ReadonlyMap<string, string>;
  readonly macros: ReadonlyMap<string, string>;
  readonly others: string;
}

const ATTRIBUTE =
  /\b(?:__attribute__|__aligned|__section|__printf|__designated_init)\s*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)/g;

function readDeclarations(code: string): Declarations {
  const bodies = new Map<string, string>();
  const others: string[] = [];
  for (const match of code.matchAll(/\b(struct|union|enum)\b([^;{}=]*?)\{/g)) {
    const [, keyword = '', between = ''] = match;
    const head = between.replace(ATTRIBUTE, ' ');
    // A function that returns one, or a parameter, and not a definition.
    if (/[^\w\s]/.test(head)) continue;
    const start = match.index + match[0].length;
    const end = findClosingBrace(code, start);
    const tail = /^[^;={]{0,200}/.exec(code.slice(end + 1))?.[0] ?? '';
    const body = `{${between}{${code.slice(start, end)}}${tail}}`.replace(/\s+/g, ' ');
    const tag = head.match(/\w+/g)?.findLast((word) => !word.startsWith('__'));
    if (tag === undefined) others.push(body);
    else bodies.set(`${keyword} ${tag}`, `${bodies.get(`${keyword} ${tag}`) ?? ''}${body}`);
  }
  for (const [text] of code.matchAll(/\btypedef\b[^;{]*[;{]/g)) others.push(text.replace(/\s+/g, ' '));
  for (const [text] of code.matchAll(/\b[A-Z_]*STRUCT[A-Za-z_]*\s*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)/g))
    others.push(text.replace(/\s+/g, ' '));
  const macros = new Map<string, string>();
  for (const [line] of code.matchAll(/^[ \t]*#(?:\\\r?\n|.)*/gm)) {
    const text = line.replace(/\\\r?\n/g, ' ').replace(/\s+/g, ' ');
    const name = /^ ?# ?define (\w+)/.exec(text)?.[1];
    if (name !== undefined) macros.set(name, `${macros.get(name) ?? ''}${text}`);
    else if (/^ ?# ?(?:if|el|end|undef|pragma)/.test(text)) others.push(text);
  }
  return { bodies, macros, others: others.join('\n') };
}

export function stripComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g, ' ');
}

function findClosingBrace(code: string, start: number): number {
  let depth = 1;
  for (let at = start; at < code.length; at++) {
    if (code[at] === '{') depth++;
    else if (code[at] === '}' && --depth === 0) return at;
  }
  return code.length;
}
