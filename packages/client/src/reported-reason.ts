// Reasons and errors in the short form in which they are kept and reported.

import { formatSubject, type Reason, type RespliceError } from '@resplice/report';
import type { Outcome } from './state/outcome-list.js';

type ShortReason = Outcome['reasons'][number];

const LONGEST_SUBJECT = 200;
const MOST_REASONS = 50;

export function describeReasons(reasons: readonly Reason[]): ShortReason[] {
  return reasons.slice(0, MOST_REASONS).map(({ code, subject, found }) => ({
    code,
    subject: formatSubject(subject).slice(0, LONGEST_SUBJECT),
    found,
  }));
}

export function failureReason(error: RespliceError): ShortReason {
  return { code: error.code, subject: '', found: error.message };
}
