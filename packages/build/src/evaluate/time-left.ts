// How long the rest of an evaluation takes. Units differ by a factor of a hundred: nothing of another architecture's is compiled, a source
// takes seconds, a header that everybody includes takes minutes. So each kind of unit has its own mean, and a kind that has not been
// seen yet is as much slower than the others as it usually is.

type Kind = 'aside' | 'source' | 'header';

/** Usual milliseconds; only their ratios count once anything has been measured. */
const USUAL: Readonly<Record<Kind, number>> = { aside: 200, source: 5000, header: 40_000 };

export class TimeLeft {
  readonly #seen = new Map<Kind, { count: number; milliseconds: number }>();

  /** A unit of these files took so long. */
  add(files: readonly string[], milliseconds: number): void {
    const seen = this.#seen.get(kindOf(files)) ?? { count: 0, milliseconds: 0 };
    this.#seen.set(kindOf(files), {
      count: seen.count + 1,
      milliseconds: seen.milliseconds + milliseconds,
    });
  }

  /** Milliseconds for the rest, when `parallel` units are in work at a time. */
  estimate(rest: readonly (readonly string[])[], parallel: number): number {
    let [measured, usual] = [0, 0];
    for (const [kind, { count, milliseconds }] of this.#seen) {
      measured += milliseconds;
      usual += count * USUAL[kind];
    }
    const pace = usual === 0 ? 1 : measured / usual;
    const meanOf = (kind: Kind) => {
      const seen = this.#seen.get(kind);
      // The usual value counts as one unit, so that the first one seen is not taken for all.
      const [count, milliseconds] = [seen?.count ?? 0, seen?.milliseconds ?? 0];
      return (milliseconds + USUAL[kind] * pace) / (count + 1);
    };
    return rest.reduce((sum, files) => sum + meanOf(kindOf(files)), 0) / parallel;
  }
}

function kindOf(files: readonly string[]): Kind {
  if (files.some((file) => file.startsWith('include/'))) return 'header';
  const isAside = (file: string) =>
    /^(?:arch\/(?!x86\/)|tools\/|Documentation\/|samples\/)/.test(file) || !/\.[chS]$/.test(file);
  return files.every(isAside) ? 'aside' : 'source';
}
