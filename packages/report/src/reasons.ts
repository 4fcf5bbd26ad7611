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

export const REASONS = { ...CREATE_REASONS, ...APPLY_REASONS };

export type ReasonCode = keyof typeof REASONS;
