// What may be true at a line of C depends on which branches of `#if … #else … #endif` the compiler takes, and the
// configuration decides that elsewhere. So the set of all possible states is carried through: each branch starts from
// the states before `#if`, and behind `#endif` all that its branches ended with are possible. Evaluating the conditions
// instead was rejected: the answer would differ per object that includes a header, but the text of a header is one.

export type Conditional = 'if' | 'if-zero' | 'elif' | 'else' | 'endif';

interface Branches {
  readonly entry: ReadonlySet<number>;
  readonly ended: Set<number>;
  hasElse: boolean;
  /** `#if 0`: never compiled, often not even C, so its states do not count. */
  dead: boolean;
}

export class ConditionalStates {
  #current: ReadonlySet<number>;
  readonly #open: Branches[] = [];

  constructor(initial: number) {
    this.#current = new Set([initial]);
  }

  get current(): ReadonlySet<number> {
    return this.#current;
  }

  replace(states: ReadonlySet<number>): void {
    this.#current = states;
  }

  /** Takes the states across a conditional directive; one without its `#if` is ignored, as the compiler will complain. */
  cross(conditional: Conditional): void {
    if (conditional === 'if' || conditional === 'if-zero') {
      const dead = conditional === 'if-zero';
      this.#open.push({ entry: this.#current, ended: new Set(), hasElse: false, dead });
      return;
    }
    const branches = this.#open.at(-1);
    if (branches === undefined) return;
    if (!branches.dead) for (const state of this.#current) branches.ended.add(state);
    branches.dead = false;
    branches.hasElse ||= conditional === 'else';
    this.#current = branches.entry;
    if (conditional !== 'endif') return;
    this.#open.pop();
    if (!branches.hasElse) for (const state of branches.entry) branches.ended.add(state);
    this.#current = branches.ended;
  }
}
