// What the configuration says of a preprocessor condition: `#ifndef CONFIG_SMP` is false for every object of a kernel with SMP, and what stands below is
// read by none. Only options of the configuration, which all objects share, and macros of other compilers decide; everything else is left open.

/** Option → value, as parseKernelConfig gives them; undefined when objects have not all the same. */
export type Configuration = ReadonlyMap<string, string> | undefined;

export interface Judged {
  /** Undefined when the configuration does not decide it. */
  readonly value: boolean | undefined;
  /** Options, of which the answer holds only where no file defines or undefines them itself. */
  readonly options: readonly string[];
}

/** Macros that gcc never defines when it compiles C. */
const OTHER_COMPILERS = /^(?:__clang__|__INTEL_COMPILER|__cplusplus)$/;
const TOKEN = /\s*(&&|\|\||[!()]|[A-Za-z_]\w*|\d+)/y;

/** @param condition `ifdef X`, `ifndef X`, or what stands behind `if` and `elif`, as an `if` */
export function judgeCondition(condition: string, configuration: Configuration): Judged {
  const [, word = '', rest = ''] = /^(ifn?def|if)\b\s*(.*)$/s.exec(condition) ?? [];
  const options: string[] = [];
  const known = new KnownMacros(configuration, options);
  if (word === 'if') return { value: new ConditionReader(rest, known).read(), options };
  const name = /^(\w+)\s*$/.exec(rest)?.[1];
  const defined = name === undefined ? undefined : known.isDefined(name);
  return { value: word === 'ifdef' || defined === undefined ? defined : !defined, options };
}

class KnownMacros {
  readonly #configuration: Configuration;
  readonly #asked: string[];

  constructor(configuration: Configuration, asked: string[]) {
    this.#configuration = configuration;
    this.#asked = asked;
  }

  isDefined(name: string): boolean | undefined {
    if (this.#configuration === undefined) return undefined;
    if (OTHER_COMPILERS.test(name))
      return this.#configuration.get('CONFIG_CC_IS_GCC') === 'y' ? false : undefined;
    if (!name.startsWith('CONFIG_')) return undefined;
    this.#asked.push(name);
    // A module's option defines CONFIG_X_MODULE and not CONFIG_X.
    const value = this.#configuration.get(name);
    if (value !== undefined) return value !== 'm';
    return name.endsWith('_MODULE') && this.#configuration.get(name.slice(0, -'_MODULE'.length)) === 'm';
  }

  /** `IS_ENABLED(CONFIG_X)` and its like; CONFIG_X may be defined as itself or as CONFIG_X_MODULE. */
  call(macro: string, option: string): boolean | undefined {
    if (macro === 'defined') return this.isDefined(option);
    if (this.#configuration === undefined) return undefined;
    if (!option.startsWith('CONFIG_') || !/^IS_(?:ENABLED|BUILTIN|MODULE)$/.test(macro)) return undefined;
    const [builtIn, module] = [this.#isYes(option), this.isDefined(`${option}_MODULE`) === true];
    if (macro === 'IS_BUILTIN') return builtIn;
    return macro === 'IS_MODULE' ? module : builtIn || module;
  }

  #isYes(option: string): boolean {
    this.#asked.push(option);
    return this.#configuration?.get(option) === 'y';
  }
}

/** Reads `defined(A) && !IS_ENABLED(B) || 0`; anything else in it leaves what it stands in open. */
class ConditionReader {
  readonly #tokens: readonly string[];
  readonly #known: KnownMacros;
  #at = 0;

  constructor(text: string, known: KnownMacros) {
    this.#tokens = tokenize(text);
    this.#known = known;
  }

  read(): boolean | undefined {
    const value = this.#either();
    return this.#at === this.#tokens.length ? value : undefined;
  }

  #either(): boolean | undefined {
    return this.#join('||', true, () => this.#both());
  }

  #both(): boolean | undefined {
    return this.#join('&&', false, () => this.#one());
  }

  /** @param decisive the value of one part that makes it the value of all */
  #join(operator: string, decisive: boolean, read: () => boolean | undefined): boolean | undefined {
    const parts = [read()];
    while (this.#take(operator)) parts.push(read());
    if (parts.includes(decisive)) return decisive;
    return parts.includes(undefined) ? undefined : !decisive;
  }

  #one(): boolean | undefined {
    if (this.#take('!')) {
      const value = this.#one();
      return value === undefined ? undefined : !value;
    }
    if (this.#take('(')) {
      const value = this.#either();
      // What is left of a text that cannot be read keeps `read` from an answer.
      return this.#take(')') ? value : undefined;
    }
    const token = this.#tokens[this.#at] ?? '';
    if (/^\d+$/.test(token)) {
      this.#at += 1;
      return Number(token) !== 0;
    }
    if (!/^\w/.test(token)) return undefined;
    this.#at += 1;
    const [open, option = '', close] = this.#tokens.slice(this.#at, this.#at + 3);
    if (open === '(' && close === ')') {
      this.#at += 3;
      return this.#known.call(token, option);
    }
    if (token !== 'defined' || !/^\w/.test(open ?? '')) return undefined;
    this.#at += 1;
    return this.#known.call(token, open ?? '');
  }

  #take(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at += 1;
    return true;
  }
}

/** What is no token of a condition becomes one that no rule takes. */
function tokenize(text: string): readonly string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  for (let at = 0; at < text.trimEnd().length; at = TOKEN.lastIndex) {
    const match = TOKEN.exec(text);
    if (match === null) return [...tokens, '?'];
    tokens.push(match[1] ?? '');
  }
  return tokens;
}

/** The branches that a line stands in. */
export class ConditionStack {
  readonly #configuration: Configuration;
  readonly #open: Branch[] = [];
  /** False when an #endif or #else had no #if. */
  isSound = true;

  constructor(configuration: Configuration) {
    this.#configuration = configuration;
  }

  /** @param directive without `#`, comments and joined lines, for example `elif defined(CONFIG_X)` */
  read(directive: string): void {
    if (/^if(?:n?def)?\b/.test(directive)) {
      this.#open.push({ before: [], now: judgeCondition(directive, this.#configuration) });
      return;
    }
    const [, word, rest = ''] = /^(elif|else|endif)\b(.*)$/s.exec(directive) ?? [];
    if (word === undefined) return;
    const branch = this.#open.pop();
    if (branch === undefined) this.isSound = false;
    else if (word !== 'endif') {
      const now = word === 'else' ? ALWAYS : judgeCondition(`if ${rest}`, this.#configuration);
      this.#open.push({ before: [...branch.before, branch.now], now });
    }
  }

  get isClosed(): boolean {
    return this.#open.length === 0;
  }

  /** The options by which the line is read by nobody; undefined when somebody may read it. */
  skippedBy(): readonly string[] | undefined {
    for (const { before, now } of this.#open) {
      if (now.value === false) return now.options;
      const taken = before.find(({ value }) => value === true);
      if (taken !== undefined) return taken.options;
    }
    return undefined;
  }
}

interface Branch {
  /** Of the same #if, above. */
  readonly before: readonly Judged[];
  readonly now: Judged;
}

const ALWAYS: Judged = { value: true, options: [] };
