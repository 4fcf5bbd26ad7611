// Why an update cannot be applied to, or taken back from, this machine.

import type { ReasonEntry } from './reasons.js';

export const APPLY_REASONS = {
  'not-root': {
    stage: 'apply',
    title: 'the command does not run as root',
    advice: 'run it with sudo',
  },
} as const satisfies Record<string, ReasonEntry>;
