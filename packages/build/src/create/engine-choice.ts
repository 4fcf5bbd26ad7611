// Which engine an update is made for. The livepatch core is part of the kernel, switches task by task and stops nothing, so it comes first
// wherever it can do the work; the trampoline engine does what it cannot. An update has one engine, and so has a function: the
// updates below decide when they replace the same ones.

import type { Engine } from '@resplice/engine';
import { formatSubject, type Reason } from '@resplice/report';
import type { Manifest } from '@resplice/update';
import type { ComparedObject } from './compare.js';

export type EngineRequest = Engine | 'auto';

export interface EngineChoice {
  readonly engine: Engine;
  /** For people: why this one. */
  readonly why: string;
}

/** What the livepatch core cannot do and a trampoline can. */
const LIFTED: ReadonlySet<Reason['code']> = new Set([
  'not-traceable',
  'coexistence-needs-trampoline',
  'constant-needs-trampoline',
]);

/** Where to begin. */
export function chooseEngine(
  request: EngineRequest,
  hasLivepatch: boolean,
  lower: readonly Manifest[],
): EngineChoice {
  if (request !== 'auto') return { engine: request, why: 'asked for with --engine' };
  const below = lower.find(({ engine }) => engine === 'trampoline');
  if (below !== undefined) return { engine: 'trampoline', why: `the update ${below.id} below uses it` };
  if (!hasLivepatch) return { engine: 'trampoline', why: 'this kernel has no livepatch core' };
  return { engine: 'livepatch', why: 'the kernel has livepatch, and every function can be redirected by it' };
}

/** Whether the other engine may be chosen later. */
export function mayChange(request: EngineRequest, first: EngineChoice): boolean {
  return request === 'auto' && first.engine === 'livepatch';
}

/** The other engine, when it can do what the first one was refused for. */
export function chooseAgain(
  request: EngineRequest,
  first: EngineChoice,
  reasons: readonly Reason[],
): EngineChoice | undefined {
  const lifted = reasons.filter(({ code }) => LIFTED.has(code));
  if (!mayChange(request, first) || lifted.length === 0) return undefined;
  if (lifted.length < reasons.length) return undefined;
  const names = [...new Set(lifted.map(({ subject }) => subject.symbol ?? formatSubject(subject)))];
  const shown =
    names.length > 3 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
  const isAll = (wanted: Reason['code']) => lifted.every(({ code }) => code === wanted);
  const cannot = isAll('not-traceable')
    ? 'redirect'
    : isAll('coexistence-needs-trampoline')
      ? 'leave threads in the old code of'
      : 'change';
  return { engine: 'trampoline', why: `livepatch cannot ${cannot} ${shown}` };
}

/** What does not go with the engine, whatever the code is. */
export function judgeEngine(
  engine: Engine,
  compared: readonly ComparedObject[],
  lower: readonly Manifest[],
): readonly Reason[] {
  return [
    ...judgeEngines(engine, compared, lower),
    ...(engine === 'livepatch' ? judgeCoexistence(compared) : []),
  ];
}

/** The livepatch core waits for every task, whatever the author says. */
function judgeCoexistence(compared: readonly ComparedObject[]): readonly Reason[] {
  return compared.flatMap(({ name, diff }) =>
    diff.custom.statements
      .filter(({ kind }) => kind === 'handles-coexistence')
      .map(({ name: symbol }) => ({
        code: 'coexistence-needs-trampoline',
        subject: { object: name, symbol },
        found: 'RESPLICE_COEXISTS lets threads stay in it, and the livepatch core would wait for them',
      })),
  );
}

/** One function has one engine: two would not see each other's changes. */
function judgeEngines(
  engine: Engine,
  compared: readonly ComparedObject[],
  lower: readonly Manifest[],
): readonly Reason[] {
  const others = lower.filter((manifest) => manifest.engine !== engine);
  return compared.flatMap(({ owner, name, diff }) =>
    diff.replaced.flatMap(({ before }): readonly Reason[] => {
      const holder = others.find(({ objects }) =>
        objects.some(
          (object) => object.name === owner && object.functions.some((each) => each.name === before.name),
        ),
      );
      if (holder === undefined) return [];
      const found = `the update ${holder.id} below replaces it with the engine ${holder.engine}, this one with ${engine}`;
      return [{ code: 'engines-mixed', subject: { object: name, symbol: before.name }, found }];
    }),
  );
}
