// Where the trampoline engine's jumps go: from the code that will be active when the update is applied, into the update's module. That code is
// the shipped function, or what the topmost of the updates below carries for it. The comparison has already judged the rebuilt
// object (engine/diff/redirection.ts); this is the last word, from the bytes and tables of the code itself.

import {
  type Definition,
  decodeInstructions,
  findJumpPlace,
  findSection,
  JUMP_LENGTH,
  mayCoexist,
  parseObject,
  type RunningObject,
} from '@resplice/engine';
import { InternalError, type Reason } from '@resplice/report';
import type { Manifest, ReplacedFunction, Update } from '@resplice/update';
import type { ComparedObject } from './compare.js';
import { describeSites, runningName } from './describe.js';
import type { KernelModel } from './kernel-model.js';

export type Jump = NonNullable<ReplacedFunction['jump']>;

export interface JumpPlan {
  /** By the definition of the new code. */
  readonly jumps: ReadonlyMap<Definition, Jump>;
  readonly reasons: readonly Reason[];
}

export const NO_JUMPS: JumpPlan = { jumps: new Map(), reasons: [] };

/**
 * Places a jump for each replaced function.
 * @param lower updates that will be active below, lowest first
 * @param offsets of new functions in `.text` of the update's module
 */
export function planJumps(
  model: KernelModel,
  compared: readonly ComparedObject[],
  lower: readonly Update[],
  offsets: ReadonlyMap<Definition, number>,
): JumpPlan {
  const jumps = new Map<Definition, Jump>();
  const reasons: Reason[] = [];
  for (const { owner, name: object, diff, match } of compared) {
    const running = model.object(owner);
    for (const { before, after } of diff.replaced) {
      const place = match.functions.get(before);
      const name = place === undefined ? undefined : runningName(running, before.symbols, place.address);
      const to = offsets.get(after);
      if (place === undefined || name === undefined || to === undefined) continue;
      const below = findBelow(model, lower, { owner, name, position: running.position(name, place.address) });
      const found =
        below === undefined
          ? findJumpPlace(codeOf(running, place, below), describeSites(running, place.address, place.size))
          : findJumpPlace(codeOf(running, place, below), below.sites);
      const back =
        found.ok && mayCoexist(diff.custom, before)
          ? findWayBack(codeOf(running, place, below), found.at + JUMP_LENGTH)
          : undefined;
      if (back !== undefined) {
        const subject = { object, symbol: name, offset: back.offset };
        const what = `it goes back to +0x${back.target.toString(16)}, which the jump overwrites, and threads may be in it (RESPLICE_COEXISTS)`;
        reasons.push({ code: 'branch-into-function', subject, found: what });
      } else if (found.ok) jumps.set(after, { at: found.at, to, below: below ?? null });
      else {
        const subject = { object, symbol: name, offset: found.offset };
        reasons.push({ code: found.code, subject, found: found.found });
      }
    }
  }
  return { jumps, reasons };
}

type Below = NonNullable<Jump['below']>;

function codeOf(
  running: RunningObject,
  { address, size }: { readonly address: bigint; readonly size: number },
  below: Below | undefined,
): Uint8Array {
  return below === undefined ? running.read(address, size) : Buffer.from(below.code, 'base64');
}

/** A branch inside of old code that leads into what a jump overwrites. A call of itself comes in by the first byte, as all calls do. */
function findWayBack(code: Uint8Array, end: number) {
  return decodeInstructions(code).find(
    ({ branch, target }) => /^(jump|conditional)$/.test(branch) && target > 0 && target < end,
  );
}

interface Target {
  readonly owner: string;
  readonly name: string;
  readonly position: number | undefined;
}

/** What the topmost update below that replaces the function carries for it. */
function findBelow(
  model: KernelModel,
  lower: readonly Update[],
  target: Target,
): NonNullable<Jump['below']> | undefined {
  for (const update of lower.toReversed()) {
    const replaced = findReplaced(update.manifest, target);
    if (replaced?.jump == null) continue;
    const { to } = replaced.jump;
    const { id, module } = update.manifest;
    const text = openText(model, update);
    const size = replaced.newSize;
    const address = text.start + BigInt(to);
    const code = text.object.read(address, size);
    if (code.length !== size)
      throw new InternalError(
        'update-incomplete',
        `${id}: ${module.file} ends before ${replaced.replacement}`,
      );
    return {
      update: id,
      at: to,
      size,
      code: Buffer.from(code).toString('base64'),
      sites: describeSites(text.object, address, size),
    };
  }
  return undefined;
}

function findReplaced(
  { objects }: Manifest,
  { owner, name, position }: Target,
): ReplacedFunction | undefined {
  return objects
    .find((object) => object.name === owner)
    ?.functions.find((each) => each.name === name && each.position === (position ?? 0));
}

/** The code of an update below, as if it were loaded. */
function openText(
  model: KernelModel,
  { manifest, files }: Update,
): { readonly object: RunningObject; readonly start: bigint } {
  const { file, name } = manifest.module;
  const object = parseObject(files.get(file) ?? new Uint8Array(), file);
  const text = findSection(object, '.text');
  const linked = model.linkModule(name, object);
  const start = text === undefined ? undefined : linked.addressOf(text, 0);
  if (start === undefined) throw new InternalError('update-incomplete', `${file} has no code`);
  return { object: linked, start };
}
