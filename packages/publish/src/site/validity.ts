// How long each role's metadata is good for. A client refuses what has expired, so this is also how long an attacker can hold
// a machine at an old state without being noticed, and how long a repository lives when nobody refreshes it.

import { UsageError } from '@resplice/report';

export const VALID_DAYS = { root: 365, targets: 365, family: 90, snapshot: 14, timestamp: 7 } as const;

/** What `publish` signs; root and targets get their date when their drafts are made. */
const PUBLISHED = ['family', 'snapshot', 'timestamp'] as const;
export type Validity = Readonly<Record<(typeof PUBLISHED)[number], number>>;

/** `timestamp=30` and so on, over the defaults. Throws UsageError `not-a-validity`. */
export function parseValidity(texts: readonly string[]): Validity {
  const { family, snapshot, timestamp } = VALID_DAYS;
  const days: Record<(typeof PUBLISHED)[number], number> = { family, snapshot, timestamp };
  for (const text of texts) {
    const [, role = '', number = ''] = /^(\w+)=([1-9]\d{0,3})$/.exec(text) ?? [];
    const known = PUBLISHED.find((each) => each === role);
    if (known === undefined) {
      const message = `--valid ${text}: expected ROLE=DAYS with one of ${PUBLISHED.join(', ')}, such as timestamp=30`;
      throw new UsageError('not-a-validity', message);
    }
    days[known] = Number(number);
  }
  return days;
}
