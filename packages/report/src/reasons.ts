// The closed list of everything Resplice refuses, by the stage that refuses it. One entry: what it means and what to do.
// `docs/refusals.md` shows this list; a test holds the two equal.

export interface ReasonEntry {
  /** When this reason is given. */
  readonly stage: 'create' | 'apply' | 'undo';
  readonly title: string;
  readonly advice: string;
}

export const REASONS = {
  // create: the patch
  'patch-changes-nothing-built': {
    stage: 'create',
    title: 'no file that the patch touches is built in this kernel configuration',
    advice: 'this kernel is not affected by the patch; nothing needs to be applied',
  },
} as const satisfies Record<string, ReasonEntry>;

export type ReasonCode = keyof typeof REASONS;
