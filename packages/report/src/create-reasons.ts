// Why a patch cannot be turned into an update.

import type { ReasonEntry } from './reasons.js';

export const CREATE_REASONS = {
  'patch-changes-nothing-built': {
    stage: 'create',
    title: 'no file that the patch touches is built in this kernel configuration',
    advice: 'this kernel is not affected by the patch; nothing needs to be applied',
  },
} as const satisfies Record<string, ReasonEntry>;
