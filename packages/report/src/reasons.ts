// The closed list of everything Resplice refuses, by the stage that refuses it. One entry: what it means and what to do.
// `docs/refusals.md` shows this list; a test holds the two equal.

import { APPLY_REASONS } from './apply-reasons.js';
import { CREATE_REASONS } from './create-reasons.js';

export interface ReasonEntry {
  /** When this reason is given. */
  readonly stage: 'create' | 'apply' | 'undo';
  readonly title: string;
  readonly advice: string;
}

// The empty type makes the compiler refuse a code that stands in both lists.
type Disjoint = keyof typeof CREATE_REASONS & keyof typeof APPLY_REASONS extends never ? unknown : never;

export const REASONS: typeof CREATE_REASONS & typeof APPLY_REASONS & Disjoint = {
  ...CREATE_REASONS,
  ...APPLY_REASONS,
};

export type ReasonCode = keyof typeof REASONS;
