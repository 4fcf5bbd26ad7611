// The places of a piece of code where names can be put together: the arguments of a macro, and of them what they begin and end with, since `##` joins
// nothing else. A function's parameters, a comparison or the members of a structure have the words of many names, and make none.

import { isIdentifier } from './chunk-shape.js';

export interface PasteSite {
  /** What is called, if it is a macro; undefined when it cannot be told. */
  readonly macro: string | undefined;
  /** Its name, and what its arguments and those of the calls in them begin and end with. */
  readonly words: ReadonlySet<string>;
  /** Those of them that are not called themselves: `EACH(CAST, tcp)` may call CAST. */
  readonly handed: ReadonlySet<string>;
  /** Words with which a name can only end. */
  readonly last?: ReadonlySet<string>;
}

const KEYWORD =
  /^(?:if|else|for|while|do|switch|case|return|sizeof|goto|typeof|__typeof__|__typeof|__attribute__|__attribute|_Alignof|__alignof__)$/;

export type FindSites = (tokens: readonly string[]) => readonly PasteSite[];

interface OpenSite {
  readonly macro: string | undefined;
  readonly words: Set<string>;
  readonly handed: Set<string>;
}

/**
 * The calls of a piece: of functions as well, since only the name tells.
 * @param unknown macros of which nothing is known
 */
export function callSites(
  tokens: readonly string[],
  unknown: Pick<ReadonlySet<string>, 'has'> = new Set(),
): readonly PasteSite[] {
  const sites: PasteSite[] = [];
  /** For each open parenthesis, what is called there. */
  const stack: (OpenSite | undefined)[] = [];
  let closed: PasteSite | undefined;
  for (const [at, token] of tokens.entries()) {
    if (token === '(') {
      const site = openSite(tokens, at, closed, unknown);
      if (site !== undefined) sites.push(site);
      stack.push(site);
    } else if (token === ')') closed = stack.pop();
    // What a call in an argument gives may stand at the end of it.
    else if (isIdentifier(token) && (isAtEdge(tokens, at) || isCalled(tokens, at))) {
      for (const site of stack) {
        site?.words.add(token);
        if (!isCalled(tokens, at)) site?.handed.add(token);
      }
    }
  }
  return sites;
}

/** Whether an argument begins or ends there. */
function isAtEdge(tokens: readonly string[], at: number): boolean {
  const [before, after] = [tokens[at - 1], tokens[at + 1]];
  return /^(?:[(,]|##)$/.test(before ?? ',') || /^(?:[),]|##)$/.test(after ?? ',');
}

function isCalled(tokens: readonly string[], at: number): boolean {
  return tokens[at + 1] === '(';
}

function openSite(
  tokens: readonly string[],
  at: number,
  closed: PasteSite | undefined,
  unknown: Pick<ReadonlySet<string>, 'has'>,
): OpenSite | undefined {
  const name = tokens[at - 1] ?? '';
  // `CHOOSE(a)(b)` calls what the first macro gives, `int (*f)(int a)` declares something.
  if (name === ')') return closed && { macro: undefined, words: new Set(closed.words), handed: new Set() };
  const isPasted = tokens[at - 2] === '##';
  if (!isPasted && (!isIdentifier(name) || KEYWORD.test(name) || isDeclared(tokens, at))) return undefined;
  const macro = isPasted || unknown.has(name) ? undefined : name;
  return { macro, words: new Set([name]), handed: new Set() };
}

/** `int (*f)(int a)`, and not `CHOOSE(*a)`. */
function isDeclared(tokens: readonly string[], at: number): boolean {
  return (
    tokens[at + 1] === '*' && isIdentifier(tokens[at + 2]) && tokens[at + 3] === ')' && tokens[at + 4] === '('
  );
}

/**
 * Those of a macro's body: what it calls, and what it would give to others as arguments: `#define RANGE tcp, udp`.
 * @param parameters others' words stand for them
 */
export function macroSites(parameters: ReadonlySet<string>, body: readonly string[]): readonly PasteSite[] {
  const own = (words: ReadonlySet<string>) => new Set([...words].filter((word) => !parameters.has(word)));
  const calls = callSites(body, parameters).map((site) => ({ ...site, words: own(site.words) }));
  const given = { ...openPlace(own(givenBy(body, false))), last: own(givenBy(body, true)) };
  return [...calls, given];
}

/**
 * What a macro's body would give that becomes arguments of others.
 * @param called those that are called: `#define RUN sk(1)` can make tcp_sk(1), and not sk_tcp
 */
function givenBy(body: readonly string[], called: boolean): ReadonlySet<string> {
  let depth = 0;
  const given = body.filter((token, at) => {
    if (token === '(') depth += 1;
    else if (token === ')') depth -= 1;
    return depth === 0 && isIdentifier(token) && isAtEdge(body, at) && isCalled(body, at) === called;
  });
  return new Set(given);
}

/** A place of which nothing is known but its words. */
export function openPlace(words: ReadonlySet<string>): PasteSite {
  return { macro: undefined, words, handed: new Set() };
}
