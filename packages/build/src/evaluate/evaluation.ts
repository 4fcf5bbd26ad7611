// What became of the units of a release: one result each, and the sums over them. Plain data, as `resplice evaluate --json` prints it.

import type { ReasonCode } from '@resplice/report';

export interface UnitReason {
  /** A refusal of docs/refusals.md, or the code of an error, such as `does-not-compile`. */
  readonly code: ReasonCode | string;
  /** `net/core/sock.o: sock_wfree`; empty when it is about the whole unit. */
  readonly subject: string;
  readonly found: string;
}

export type UnitVerdict = 'automatic' | 'with-hook' | 'refused';

export interface UnitResult {
  readonly id: string;
  readonly files: readonly string[];
  /** Ids of units that did not compile alone and are this one together; empty for one that did. */
  readonly joined: readonly string[];
  readonly cves: readonly string[];
  /** False when this configuration builds nothing of it. */
  readonly built: boolean;
  /** False when objects were compiled and none of their code or data differs. */
  readonly changesCode: boolean;
  readonly verdict: UnitVerdict;
  /** Modules that must not be loaded when the update is applied; empty when it may be applied whatever is loaded. */
  readonly requiresUnloaded: readonly string[];
  readonly reasons: readonly UnitReason[];
  /** Applied and undone in a guest with a clean kernel log; null when that was not tried. */
  readonly applied: boolean | null;
  /** What went wrong in the guest. */
  readonly applyProblem: string | null;
  /** Functions that the update replaces. */
  readonly functions: number;
  readonly milliseconds: number;
  /** Part of `milliseconds` in which compilers, objtool and the like ran. */
  readonly toolMilliseconds: number;
  /** Which build of this program judged it. */
  readonly program: string;
}

export interface EvaluationSummary {
  readonly units: number;
  /** Of these, the ones that were joined from several, none of which compiles alone. */
  readonly joined: number;
  /** Units of which this configuration builds something. */
  readonly built: number;
  /** Of the built ones: nothing that runs changes (comments, unused macros); there is nothing to update. */
  readonly withoutCode: number;
  /** Whatever is loaded. */
  readonly automatic: number;
  /** Automatic, and applies only while a module is not loaded. */
  readonly whileUnloaded: number;
  readonly withHook: number;
  readonly refused: number;
  /** Units by the code of their first reason; the built ones that were refused. */
  readonly refusedBy: readonly { readonly code: string; readonly units: number }[];
  /** (automatic + without code) of the built ones, in percent. */
  readonly percentAutomatic: number;
  /** The same with those that apply only while a module is not loaded. */
  readonly percentWhileUnloaded: number;
  readonly tried: number;
  readonly applied: number;
  readonly cves: {
    readonly all: number;
    readonly built: number;
    /** Of built units that need no human code, whatever is loaded. */
    readonly automatic: number;
    /** The same with units that apply only while a module is not loaded. */
    readonly whileUnloaded: number;
    readonly untied: number;
  };
  readonly milliseconds: number;
  readonly toolMilliseconds: number;
}

export interface Evaluation {
  readonly from: string;
  readonly to: string;
  readonly kernel: { readonly release: string; readonly version: string };
  readonly sample: { readonly size: number; readonly seed: number } | null;
  readonly units: readonly UnitResult[];
  readonly summary: EvaluationSummary;
}

/** Adds up. A unit counts as refused, automatic or with hook only when it is built and changes code. */
export function summarize(units: readonly UnitResult[], untied: number): EvaluationSummary {
  const built = units.filter((unit) => unit.built);
  const coded = built.filter((unit) => unit.changesCode);
  const refused = coded.filter(({ verdict }) => verdict === 'refused');
  const automatic = coded.filter((unit) => unit.verdict === 'automatic' && !isConditional(unit));
  const whileUnloaded = coded.filter((unit) => unit.verdict === 'automatic' && isConditional(unit));
  const withoutCode = built.length - coded.length;
  const tried = units.filter(({ applied }) => applied !== null);
  const countCves = (some: readonly UnitResult[]) => new Set(some.flatMap(({ cves }) => cves)).size;
  const share = (part: number) => (built.length === 0 ? 100 : (100 * part) / built.length);
  const harmless = [...automatic, ...built.filter((unit) => !unit.changesCode)];
  return {
    units: units.length,
    joined: units.filter(({ joined }) => joined.length > 0).length,
    built: built.length,
    withoutCode,
    automatic: automatic.length,
    whileUnloaded: whileUnloaded.length,
    withHook: coded.filter(({ verdict }) => verdict === 'with-hook').length,
    refused: refused.length,
    refusedBy: countCodes(refused),
    percentAutomatic: share(harmless.length),
    percentWhileUnloaded: share(harmless.length + whileUnloaded.length),
    tried: tried.length,
    applied: tried.filter(({ applied }) => applied === true).length,
    cves: {
      all: countCves(units),
      built: countCves(built),
      automatic: countCves(harmless),
      whileUnloaded: countCves([...harmless, ...whileUnloaded]),
      untied,
    },
    milliseconds: units.reduce((sum, unit) => sum + unit.milliseconds, 0),
    toolMilliseconds: units.reduce((sum, unit) => sum + unit.toolMilliseconds, 0),
  };
}

function isConditional({ requiresUnloaded }: UnitResult): boolean {
  return requiresUnloaded.length > 0;
}

/** Most frequent first. */
function countCodes(
  refused: readonly UnitResult[],
): readonly { readonly code: string; readonly units: number }[] {
  const counts = new Map<string, number>();
  for (const { reasons } of refused) {
    const code = reasons[0]?.code ?? 'unknown';
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }
  return [...counts]
    .map(([code, units]) => ({ code, units }))
    .sort((a, b) => b.units - a.units || (a.code < b.code ? -1 : 1));
}
