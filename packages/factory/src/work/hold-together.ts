// Which of several units hold together, when all of them at once do not: by halves, so that one bad unit among fifty costs a dozen attempts and
// not fifty. A unit comes in when all that came in before still holds with it, and is left out when it does not; so whatever stands earlier in
// the list is kept for what stands later, and the result is never larger than something that an attempt has proved.
//
// Rejected: looking for the smallest set of culprits. It costs more attempts, each of them minutes, and an operator who has to choose between two
// units that cannot be together wants the more urgent one, not the fewest left out.

export type Attempt<T> =
  | { readonly ok: true; readonly made: T }
  | { readonly ok: false; readonly problem: string };

export interface LeftOutUnit<Unit> {
  readonly unit: Unit;
  readonly problem: string;
}

export interface HeldTogether<Unit, T> {
  readonly kept: readonly Unit[];
  /** Of exactly `kept`; undefined when nothing is. */
  readonly made: T | undefined;
  readonly leftOut: readonly LeftOutUnit<Unit>[];
}

/** @param attempt of units in any order; not called with none */
export async function holdTogether<Unit, T>(
  units: readonly Unit[],
  attempt: (units: readonly Unit[]) => Promise<Attempt<T>>,
): Promise<HeldTogether<Unit, T>> {
  const leftOut: LeftOutUnit<Unit>[] = [];
  let kept: readonly Unit[] = [];
  let made: T | undefined;
  const take = async (suspects: readonly Unit[]): Promise<void> => {
    const result = await attempt([...kept, ...suspects]);
    if (result.ok) {
      kept = [...kept, ...suspects];
      made = result.made;
      return;
    }
    const [first] = suspects;
    if (first !== undefined && suspects.length === 1) {
      leftOut.push({ unit: first, problem: result.problem });
      return;
    }
    const middle = Math.ceil(suspects.length / 2);
    await take(suspects.slice(0, middle));
    await take(suspects.slice(middle));
  };
  if (units.length > 0) await take(units);
  return { kept, made, leftOut };
}
