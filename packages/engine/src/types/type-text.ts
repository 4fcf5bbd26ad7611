// Which structs and unions a patch touches, told from the text alone. It decides whether types are looked at at all: compiling with
// debug information costs as much as all the rest, and most patches change no type. Layouts are never read from text.

/** Tag of each struct or union defined in C text → its body, white space and comments taken out. */
export function findTypeBodies(text: string): ReadonlyMap<string, string> {
  const code = stripComments(text);
  const bodies = new Map<string, string>();
  for (const match of code.matchAll(/\b(?:struct|union)\s+(\w+)[^;{}()=,*]*\{/g)) {
    const start = match.index + match[0].length;
    const body = code.slice(start, findClosingBrace(code, start)).replace(/\s+/g, ' ');
    const [, tag = ''] = match;
    // One tag may be defined under several #if branches; a change of any counts.
    bodies.set(tag, `${bodies.get(tag) ?? ''}{${body}}`);
  }
  return bodies;
}

/** Tags that both texts define, with different bodies; a type that only one of them has is no type of existing objects. */
export function findTouchedTypes(before: string, after: string): readonly string[] {
  const patched = findTypeBodies(after);
  return [...findTypeBodies(before)].flatMap(([tag, body]) => {
    const other = patched.get(tag);
    return other === undefined || other === body ? [] : [tag];
  });
}

/**
 * Whether C text shows that objects of a type that it defines live on the stack only: nothing takes the type's size, no variable at file
 * scope, no cache and no other struct holds one. Real example: `struct ep_pqueue` of fs/eventpoll.c.
 */
export function livesOnStackOnly(text: string, tag: string): boolean {
  const code = stripComments(text);
  const type = `\\b(?:struct|union)\\s+${tag}\\b`;
  const found = (pattern: string): boolean => new RegExp(pattern, 'm').test(code);
  if (found(`\\(\\s*${type}`) && found(`(?:sizeof|alloc\\w*|typeof|struct_size\\w*)\\s*\\(\\s*${type}`))
    return false;
  if (found(`\\bKMEM_CACHE\\w*\\s*\\(\\s*${tag}\\b`)) return false;
  if (found(`^(?:(?:static|const|extern|typedef)\\s+)*${type}\\s+[^*\\s{(][^({]*[;=[]`)) return false;
  if (found(`\\bstatic\\b[^;{}()]*${type}`) && found(`^\\s+static\\b[^;{}()]*${type}`)) return false;
  if (found(`\\bDEFINE_\\w+\\s*\\(\\s*${type}`)) return false;
  for (const [other, body] of findTypeBodies(code)) {
    // A pointer to one from another struct may be to the heap as well.
    if (other !== tag && new RegExp(type).test(body)) return false;
  }
  const pointers = [...code.matchAll(new RegExp(`${type}\\s*\\*+\\s*(?:const\\s+)?(\\w+)`, 'g'))];
  return !pointers.some(
    ([, name = '']) => found(`\\bsizeof\\s*\\(?\\s*\\*\\s*${name}\\b`) || found(`\\b${name}\\s*=[^;]*alloc`),
  );
}

function stripComments(text: string): string {
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
