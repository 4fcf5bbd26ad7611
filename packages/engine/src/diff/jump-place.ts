// Where in a function the trampoline engine writes its jump to the new code: five bytes that control reaches first on every call.
// ENDBR64 stays, for indirect calls must land on it, and so does the call for ftrace behind it, so that tracers go on and ftrace never finds
// bytes that it did not write. The jump may end in the middle of an instruction, because no thread is inside of the function when it
// is written; but it must not cover what the kernel itself rewrites later, a key being switched or a static call being redirected.
// What is only rewritten at boot (alternatives, return thunks, retpolines) is over by then, and memory is compared before. Lock prefixes are
// rewritten later only on a machine that started with one processor and gets another; which machine that is, is seen when the update is applied.
// Rejected: a jump over the ftrace call (ftrace then refuses to work at all), and one in the padding before the function
// (6.1 has none, and the CPU does not come by there).

/** `jmp rel32`. */
export const JUMP_LENGTH = 5;

const ENDBR64 = [0xf3, 0x0f, 0x1e, 0xfa] as const;

/** What the kernel rewrites whenever it likes; the words are those of the manifest's sites. */
const LIVE: ReadonlyMap<string, string> = new Map([
  ['fentry', 'a call for ftrace'],
  ['jump-label', 'a branch that a static key switches'],
  ['static-call', 'a static call'],
]);

/** A range of the function that the kernel rewrites. */
export interface JumpObstacle {
  readonly at: number;
  readonly length: number;
  readonly kind: string;
}

export type JumpPlace =
  | { readonly ok: true; readonly at: number }
  | {
      readonly ok: false;
      readonly code: 'no-room-for-jump' | 'site-in-the-way';
      readonly offset: number;
      readonly found: string;
    };

/** 4 when the code begins with ENDBR64, else 0. */
export function endbrLength(code: Uint8Array): number {
  return ENDBR64.every((byte, index) => code[index] === byte) ? ENDBR64.length : 0;
}

/** Decides from a function's bytes and from the places in it that the kernel rewrites. */
export function findJumpPlace(code: Uint8Array, sites: readonly JumpObstacle[]): JumpPlace {
  const afterEndbr = endbrLength(code);
  const fentry = sites.find(({ kind, at }) => kind === 'fentry' && at === afterEndbr);
  const at = afterEndbr + (fentry?.length ?? 0);
  if (at + JUMP_LENGTH > code.length) {
    const found = `it has ${code.length} bytes, and a jump needs ${at + JUMP_LENGTH}`;
    return { ok: false, code: 'no-room-for-jump', offset: at, found };
  }
  const obstacle = sites.find(
    (site) => LIVE.has(site.kind) && site.at < at + JUMP_LENGTH && at < site.at + site.length,
  );
  if (obstacle === undefined) return { ok: true, at };
  const found = `${LIVE.get(obstacle.kind)} stands where the jump has to go`;
  return { ok: false, code: 'site-in-the-way', offset: obstacle.at, found };
}
